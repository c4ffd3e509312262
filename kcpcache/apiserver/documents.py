"""Answers that are no resources: discovery, OpenAPI, version, health inside a workspace."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping

from kcpcache.apimachinery import errors, storage
from kcpcache.apimachinery.descriptor import Descriptor
from kcpcache.apimachinery.objects import JSONObject
from kcpcache.apiserver import body, discovery, negotiation, openapi, reviews, versioninfo
from kcpcache.apiserver.backend import Scope
from kcpcache.apiserver.exchange import Request, Response
from kcpcache.apiserver.requestinfo import RequestInfo

_HEALTH = ("/livez", "/readyz", "/healthz")


def not_found() -> errors.NotFound:
    """The 404 of a path that nothing is served at."""
    return errors.NotFound("the server could not find the requested resource")


def resources(scope: Scope, info: RequestInfo) -> Mapping[tuple[str, str, str], Descriptor]:
    """What is served: the scope's resources, and in workspaces the reviews of oneself."""
    served = scope.resources()
    return {**reviews.DESCRIPTORS, **served} if info.prefix == "clusters" else served


def descriptor(scope: Scope, info: RequestInfo) -> Descriptor | None:
    """The one resource of `resources` that a request addresses."""
    address = (info.group, info.version, info.resource)
    found = scope.resources().get(address)
    return reviews.DESCRIPTORS.get(address) if found is None and info.prefix == "clusters" else found


def serve(request: Request, info: RequestInfo, scope: Scope | None) -> Response:
    """The document at a path that is no resource's; NotFound, MethodNotAllowed, NotAcceptable."""
    if request.method not in ("GET", "HEAD"):
        raise errors.MethodNotAllowed("the server does not allow this method on the requested resource")
    path = info.rest.rstrip("/") or "/"
    if path == "/version":
        return body.respond_document(request, _plain(request), versioninfo.document())
    if scope is None:
        raise not_found()
    if path in _HEALTH:
        return Response(200, [("content-type", "text/plain; charset=utf-8"), *body.NO_CACHE], [b"ok"])
    if path.startswith("/openapi/"):
        return _openapi(request, info, scope, path)
    return _discovery(request, info, scope, path)


def _discovery(request: Request, info: RequestInfo, scope: Scope, path: str) -> Response:
    parts = path.strip("/").split("/")
    served = resources(scope, info)
    verbs = verbs_in(scope)
    etag = _etag(scope, path, request.headers.get("accept", ""), request.headers.get("host", ""))
    if path in ("/api", "/apis"):
        accepted = negotiation.accept(request.headers.get("accept", ""), negotiation.DISCOVERY)
        if accepted.form:
            document = discovery.aggregated(served, path == "/api", accepted.form_version, verbs)
        elif path == "/api":
            document = discovery.api_versions(request.headers.get("host", ""))
        else:
            document = discovery.api_group_list(served)
        return body.respond_document(request, accepted, document, etag=etag)
    return body.respond_document(request, _plain(request), _named_document(served, parts, verbs), etag=etag)


def _named_document(served: discovery.Resources, parts: list[str], verbs: discovery.Verbs) -> JSONObject:
    found: JSONObject | None = None
    if parts == [""]:
        found = {"paths": _paths(served)}
    elif parts[0] == "api" and len(parts) == 2:
        found = discovery.api_resource_list(served, "", parts[1], verbs)
    elif parts[0] == "apis" and len(parts) == 2:
        found = discovery.api_group(served, parts[1])
    elif parts[0] == "apis" and len(parts) == 3:
        found = discovery.api_resource_list(served, parts[1], parts[2], verbs)
    if found is None:
        raise not_found()
    return found


def _paths(served: discovery.Resources) -> list[str]:
    groups = {(d.group, d.version) for d in served.values()}
    found = {f"/apis/{group}/{version}" if group else f"/api/{version}" for group, version in groups}
    found |= {f"/apis/{group}" for group, _ in groups if group}
    return sorted(found | {"/api", "/apis", "/openapi/v2", "/openapi/v3", "/version", *_HEALTH})


def _openapi(request: Request, info: RequestInfo, scope: Scope, path: str) -> Response:
    served = resources(scope, info)
    verbs = verbs_in(scope)
    if path == "/openapi/v3":
        etag = _etag(scope, info.base, path)
        return body.respond_document(
            request, _plain(request), openapi.index(served, verbs, info.base), etag=etag
        )
    if path == "/openapi/v2":
        accepted = negotiation.accept(request.headers.get("accept", ""), negotiation.OPENAPI_V2)
        as_protobuf = accepted.media != negotiation.JSON
        media = negotiation.OPENAPI_V2_PROTOBUF if as_protobuf else negotiation.JSON
        content, digest = openapi.document_v2(served, verbs, as_protobuf=as_protobuf)
        return _encoded(request, media, content, f"{digest}-p" if as_protobuf else digest)
    found = openapi.document_v3(served, verbs, path.removeprefix("/openapi/v3/"))
    if found is None:
        raise not_found()
    content, digest = found
    return _encoded(request, negotiation.JSON, content, digest, is_final=request.parameter("hash") == digest)


def _encoded(
    request: Request, media: str, content: bytes, digest: str, *, is_final: bool = False
) -> Response:
    etag = f'"{digest}"'
    caching = "private, immutable, max-age=31536000" if is_final else "no-cache, private"
    headers = [("content-type", media), ("cache-control", caching), ("etag", etag)]
    if body.is_unchanged(request, etag):
        return Response(304, headers[1:], [])
    return Response(200, headers, [content])


def verbs_in(scope: Scope) -> Callable[[Descriptor], tuple[str, ...]]:
    """Which verbs a scope serves of a resource: what its storage can do, or what the descriptor names."""

    def verbs(descriptor: Descriptor) -> tuple[str, ...]:
        return descriptor.verbs or storage.verbs_of(scope.storage(descriptor))

    return verbs


def _plain(request: Request) -> negotiation.Accepted:
    return negotiation.accept(request.headers.get("accept", ""), negotiation.PLAIN)


def _etag(scope: Scope, *parts: str) -> str:
    content = "\0".join((scope.discovery_token(), versioninfo.PROJECT_VERSION, *parts))
    return f'"{hashlib.sha256(content.encode()).hexdigest()[:32].upper()}"'
