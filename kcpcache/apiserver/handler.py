"""The whole sequence of one API request, without a framework.

URL → user → permission → scope → document or resource verb → answer. The ASGI front and the Django REST
framework view call the same steps, so their answers are the same bytes.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from kcpcache import requestid, tracing
from kcpcache.apimachinery import errors, storage
from kcpcache.apimachinery.descriptor import Descriptor
from kcpcache.apiserver import (
    authentication,
    authorization,
    backend,
    body,
    delete,
    documents,
    exceptions,
    metrics,
    negotiation,
    read,
    requestbody,
    requestinfo,
    reviews,
    scale,
    warningheaders,
    write,
)
from kcpcache.apiserver.backend import Scope
from kcpcache.apiserver.exchange import Request, Response, Stream
from kcpcache.apiserver.requestinfo import RequestInfo

logger = logging.getLogger(__name__)

Answer = Response | Stream

_INTERFACES: Mapping[str, type] = {
    "get": storage.Getter,
    "list": storage.Lister,
    "watch": storage.Watcher,
    "create": storage.Creator,
    "update": storage.Updater,
    "patch": storage.Updater,
    "delete": storage.Deleter,
    "deletecollection": storage.Deleter,
}
_NAMELESS = ("list", "watch", "create", "deletecollection")
_SUBRESOURCE_VERBS = ("get", "update", "patch")
_WRITES: Mapping[str, Callable[..., Response]] = {
    "create": write.create,
    "update": write.update,
    "patch": write.patch,
    "delete": delete.delete,
}


def handle(request: Request) -> Answer:
    """Answer a request, whatever happens; blocks on the database."""
    begin(request)
    try:
        info = identify(request)
        answer = serve(request, info, scope_of(info))
    except Exception as error:
        answer = exceptions.response(error, request)
    return encode(request, finish(request, answer))


def begin(request: Request) -> None:
    """Give the request its id, which its log lines and its answer carry."""
    if not request.id:
        request.id = str(uuid.uuid4())
        request.started = time.perf_counter()
    requestid.current.set(request.id)
    if tracing.is_on:
        request.span = tracing.begin_request(request.span, request.method, request.headers)


def identify(request: Request) -> RequestInfo:
    """What is asked for, by whom, and that they may; sets `request.user`."""
    request.user = authentication.authenticate(request)  # first: nobody unknown learns which URLs there are
    info = request.info = requestinfo.parse(request.method, request.raw_path or request.path, request.query)
    authorization.authorize(request.user, info)
    return info


def scope_of(info: RequestInfo) -> Scope | None:
    """The workspace (or virtual workspace) of a request as of now; None at the root."""
    return backend.backend().fresh_scope(info) if info.prefix else None


def serve(request: Request, info: RequestInfo, scope: Scope | None) -> Answer:
    """The answer to a request that is allowed."""
    if scope is None or not info.is_resource:
        return documents.serve(request, info, scope)
    return serve_resource(request, info, *resource(info, scope))


def serve_resource(request: Request, info: RequestInfo, descriptor: Descriptor, store: Any) -> Answer:
    """The answer of a resource whose storage has the verb."""
    request.descriptor = descriptor
    if info.namespace and not descriptor.namespaced:
        info = replace(info, namespace="")  # a Namespace is in none, whatever its URL says
    if descriptor.deprecation_warning:
        request.warnings.append(descriptor.deprecation_warning)
    if reviews.is_review(descriptor):
        return _review(request, descriptor)
    if info.subresource == "scale":
        return scale.serve(store, descriptor, request, info)
    if info.verb == "get":
        return read.get(store, descriptor, request, info)
    if info.verb == "list":
        return read.list_(store, descriptor, request, info)
    if info.verb == "watch":
        return read.open_watch(store, descriptor, request, info)
    if info.verb == "deletecollection":
        return delete.delete_collection(store, descriptor, request, info)
    return _WRITES[info.verb](store, descriptor, request, info)


def resource(info: RequestInfo, scope: Scope) -> tuple[Descriptor, Any]:
    """The resource a request addresses and its storage, which has the verb; NotFound, MethodNotAllowed."""
    descriptor = documents.descriptor(scope, info)
    if descriptor is None or not _is_scoped_right(info, descriptor):
        raise documents.not_found()
    if info.subresource and not _has_subresource(info, descriptor):
        raise documents.not_found()
    store = None if reviews.is_review(descriptor) else scope.storage(descriptor)
    if not _has_verb(info, descriptor, store):
        message = (
            scope.refusal(descriptor, info.verb) if info.verb in _INTERFACES and store is not None else ""
        )
        raise errors.MethodNotAllowed(
            message or "the server does not allow this method on the requested resource",
            group=descriptor.group, kind=descriptor.plural,
        )  # fmt: skip
    return descriptor, store


def _is_scoped_right(info: RequestInfo, descriptor: Descriptor) -> bool:
    if descriptor.namespaced:
        return bool(info.namespace) or info.verb in ("list", "watch")
    return not info.namespace or (info.resource == "namespaces" and info.namespace == info.name)


def _has_verb(info: RequestInfo, descriptor: Descriptor, store: Any) -> bool:
    interface = _INTERFACES.get(info.verb)
    if interface is None or (info.verb == "create" and info.name):
        return False
    if not info.name and info.verb not in _NAMELESS:
        return False
    if info.subresource and info.verb not in _SUBRESOURCE_VERBS:
        return False
    if descriptor.verbs and info.verb not in descriptor.verbs:
        return False
    return store is None or _satisfies(type(store), interface)


def _has_subresource(info: RequestInfo, descriptor: Descriptor) -> bool:
    if info.subresource == "status":
        return descriptor.has_status
    return info.subresource == "scale" and descriptor.scale is not None


_satisfied: dict[tuple[type, type], bool] = {}


def _satisfies(kind: type, interface: type) -> bool:
    """Whether storages of this class have an interface; asked once a class, since Python answers slowly."""
    found = _satisfied.get((kind, interface))
    if found is None:
        found = _satisfied[kind, interface] = issubclass(kind, interface)
    return found


def _review(request: Request, descriptor: Descriptor) -> Response:
    if request.user is None:
        raise errors.Unauthorized("Unauthorized")
    accepted = negotiation.accept(request.headers.get("accept", ""), negotiation.PLAIN)
    obj = requestbody.decode_object(request, "Warn", descriptor.kind, descriptor.version)
    return body.respond_document(request, accepted, reviews.create(descriptor, request.user, obj), 201)


def finish(request: Request, answer: Answer) -> Answer:
    """The headers that every answer carries. Requests end here: they are counted, and traced where that is on."""
    metrics.requests.count(request, answer, answer.status)
    if request.span is not None:
        tracing.end_request(request.span, request.method, request.path, answer.status)
    if logger.isEnabledFor(logging.DEBUG):
        logger.debug("%s %s is answered with %d", request.method, request.raw_path, answer.status)
    if request.warnings:
        answer.headers.extend(("warning", value) for value in warningheaders.values(request.warnings))
    answer.headers.append(("audit-id", request.id))
    answer.headers.append(("x-request-id", request.id))
    return answer


def wants_encoding(request: Request, answer: Answer) -> bool:
    """Whether `encode` has work to do: a large answer for a client that takes gzip."""
    return (
        isinstance(answer, Response)
        and answer.status == 200
        and negotiation.wants_gzip(request.headers)
        and _is_large(answer.chunks)
    )


def _is_large(chunks: Iterable[bytes]) -> bool:
    is_known = isinstance(chunks, (list, tuple))
    return not is_known or sum(map(len, chunks)) >= negotiation.GZIP_MINIMUM_BYTES


def encode(request: Request, answer: Answer) -> Answer:
    """The answer with its content coding; may take long for large ones."""
    if not isinstance(answer, Response) or not wants_encoding(request, answer):
        return answer
    # An entity tag of these bytes would be another; a weak one holds for both.
    headers = [(name, f"W/{value}" if name == "etag" else value) for name, value in answer.headers]
    headers += [("content-encoding", "gzip"), ("vary", "Accept-Encoding")]
    return Response(answer.status, headers, [negotiation.compress(answer.chunks)])
