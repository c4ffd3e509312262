"""Reading an object from a request's body and holding it against the URL, worded as kube-apiserver words it."""

from __future__ import annotations

from collections.abc import Iterable

import orjson

from kcpcache.apimachinery import errors, strict
from kcpcache.apimachinery.descriptor import Descriptor
from kcpcache.apimachinery.objects import JSONObject
from kcpcache.apiserver import negotiation, protobuf
from kcpcache.apiserver.exchange import Request
from kcpcache.apiserver.requestinfo import RequestInfo

OBJECT_MEDIA = (negotiation.JSON, negotiation.YAML, negotiation.PROTOBUF)


def decode_object(request: Request, field_validation: str, kind: str, version: str) -> JSONObject:
    """The object of a create or update body; BadRequest, UnsupportedMediaType."""
    media = negotiation.body_media(request.headers, OBJECT_MEDIA)
    if media == negotiation.PROTOBUF:
        return protobuf.decode(request.body)
    find_duplicates = field_validation != "Ignore"
    read = strict.decode_yaml if media == negotiation.YAML else strict.decode_json
    obj, duplicates = read(request.body, find_duplicates=find_duplicates)
    report(
        request,
        field_validation,
        duplicates,
        f'{kind} in version "{version}" cannot be handled as a {kind}: ',
    )
    return obj


def decode_patch(request: Request, media: str, field_validation: str) -> object:
    """The decoded body of a patch: a list of operations for a JSON patch, an object for all others."""
    find_duplicates = field_validation != "Ignore"
    if media == negotiation.JSON_PATCH:
        return _decode_list(request.body)
    read = strict.decode_yaml if media == negotiation.APPLY_PATCH else strict.decode_json
    obj, duplicates = read(request.body, find_duplicates=find_duplicates)
    report(request, field_validation, duplicates, "")
    return obj


def _decode_list(content: bytes) -> object:
    try:
        orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise errors.BadRequest(f"error decoding patch: {error}") from None
    # The decoder of objects guards against deep nesting, so the list is read inside of one.
    wrapped, _ = strict.decode_json(b'{"":' + content + b"}")
    return wrapped[""]


def report(request: Request, field_validation: str, findings: Iterable[str], prefix: str) -> None:
    """Refuse (Strict) or warn of (Warn) what strict decoding found."""
    found = list(findings)
    if not found:
        return
    if field_validation == "Strict":
        raise errors.BadRequest(f"{prefix}strict decoding error: {', '.join(found)}")
    if field_validation == "Warn":
        request.warnings.extend(found)


def check_type(obj: JSONObject, descriptor: Descriptor) -> None:
    """The body's apiVersion and kind must be the URL's; built-in kinds may leave them out. BadRequest."""
    if descriptor.origin == "builtin":
        obj.setdefault("apiVersion", descriptor.api_version)
        obj.setdefault("kind", descriptor.kind)
    api_version, kind = obj.get("apiVersion"), obj.get("kind")
    for name, value in (("Kind", kind), ("apiVersion", api_version)):
        if not isinstance(value, str) or not value:
            shown = orjson.dumps(obj)[:64].decode(errors="replace")
            raise errors.BadRequest(
                f"the object provided is unrecognized (must be of type {descriptor.kind}): "
                f"Object '{name}' is missing in '{shown}'"
            )
    if api_version != descriptor.api_version:
        raise errors.BadRequest(
            f"the API version in the data ({api_version}) does not match the expected API version "
            f"({descriptor.api_version})"
        )
    if kind != descriptor.kind:
        raise errors.BadRequest(
            f"the kind in the data ({kind}) does not match the expected kind ({descriptor.kind})"
        )


def check_namespace(obj: JSONObject, info: RequestInfo) -> None:
    """Give the object the URL's namespace; BadRequest when it names another."""
    metadata = obj.get("metadata")
    if metadata is None:
        metadata = obj["metadata"] = {}
    if not isinstance(metadata, dict):
        raise errors.BadRequest("metadata must be an object")
    namespace = metadata.get("namespace") or ""
    if not isinstance(namespace, str):
        raise errors.BadRequest("metadata.namespace must be a string")
    if not info.namespace:
        metadata.pop("namespace", None)
    elif not namespace:
        metadata["namespace"] = info.namespace
    elif namespace != info.namespace:
        raise errors.BadRequest(
            "the namespace of the provided object does not match the namespace sent on the request"
        )


def check_name(obj: JSONObject, info: RequestInfo) -> None:
    """The object's name must be the URL's; BadRequest. Call after `check_namespace`."""
    name = obj["metadata"].get("name")
    if not name:
        raise errors.BadRequest(
            f"the name of the object ({info.name} based on URL) was undeterminable: name must be provided"
        )
    if name != info.name:
        raise errors.BadRequest(
            f"the name of the object ({name}) does not match the name on the URL ({info.name})"
        )
