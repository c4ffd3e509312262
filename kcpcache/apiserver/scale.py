"""The scale subresource: an `autoscaling/v1` Scale made from an object's fields, and written back to them."""

from __future__ import annotations

from typing import Any

import orjson

from kcpcache.apimachinery import errors, field, objects, storage
from kcpcache.apimachinery import patch as patches
from kcpcache.apimachinery.descriptor import Descriptor, Scale
from kcpcache.apimachinery.objects import JSONObject
from kcpcache.apiserver import body, fieldmanagers, negotiation, requestbody, write, writeoptions
from kcpcache.apiserver.exchange import Request, Response
from kcpcache.apiserver.requestinfo import RequestInfo

API_VERSION = "autoscaling/v1"
_MAX_REPLICAS = 2**31 - 1
_PATCHES = (negotiation.JSON_PATCH, negotiation.MERGE_PATCH)


def serve(store: Any, descriptor: Descriptor, request: Request, info: RequestInfo) -> Response:
    """get, update or patch of ``/scale``; the storage has the verb."""
    paths = descriptor.scale
    if paths is None:
        raise errors.NotFound("the server could not find the requested resource")
    accepted = negotiation.accept(request.headers.get("accept", ""), negotiation.PLAIN)
    if info.verb == "get":
        record = store.get(info.namespace, info.name)
    else:
        record = _write(store, descriptor, paths, request, info)
    return body.respond(request, accepted, [orjson.dumps(scale_of(objects.decode(record.body), paths))])


def scale_of(obj: JSONObject, paths: Scale) -> JSONObject:
    """The Scale of an object; absent replicas are 0."""
    metadata = objects.metadata(obj)
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    status: JSONObject = {"replicas": _value(obj, paths.status_replicas_path) or 0}
    if paths.label_selector_path and (selector := _value(obj, paths.label_selector_path)):
        status["selector"] = selector
    return {
        "kind": "Scale",
        "apiVersion": API_VERSION,
        "metadata": {name: metadata[name] for name in kept if name in metadata},
        "spec": {"replicas": _value(obj, paths.spec_replicas_path) or 0},
        "status": status,
    }


def _write(
    store: storage.Updater, descriptor: Descriptor, paths: Scale, request: Request, info: RequestInfo
) -> storage.Record:
    is_patch = info.verb == "patch"
    options = writeoptions.write_options(request, info, "PatchOptions" if is_patch else "UpdateOptions")
    media, decoded = "", None
    if is_patch:
        media = negotiation.body_media(request.headers, _PATCHES, default="")
        decoded = requestbody.decode_patch(request, media, options.field_validation)
    else:
        decoded = requestbody.decode_object(request, options.field_validation, "Scale", "v1")

    def change(present: JSONObject | None) -> JSONObject:
        if present is None:
            raise errors.not_found(descriptor.group, descriptor.plural, info.name)
        present["apiVersion"] = descriptor.api_version
        wanted: Any = decoded
        if is_patch:
            wanted = write.patched_object(scale_of(present, paths), decoded, media, descriptor)
        changed = patches.copied(present)
        _set(changed, paths.spec_replicas_path, _replicas(wanted, info))
        version = (wanted.get("metadata") or {}).get("resourceVersion")
        if version:
            changed["metadata"]["resourceVersion"] = version
        return fieldmanagers.updated(present, changed, descriptor, options)

    record, _ = store.update(info.namespace, info.name, change, options)
    return record


def _replicas(scale: JSONObject, info: RequestInfo) -> int:
    """The number of a client's Scale; BadRequest, Invalid."""
    if scale.get("kind", "Scale") != "Scale" or scale.get("apiVersion", API_VERSION) != API_VERSION:
        raise errors.BadRequest(f"the object provided must be a Scale of {API_VERSION}")
    metadata, spec = scale.get("metadata") or {}, scale.get("spec") or {}
    if not isinstance(metadata, dict) or not isinstance(spec, dict):
        raise errors.BadRequest("metadata and spec of a Scale must be objects")
    if (name := metadata.get("name")) and name != info.name:
        raise errors.BadRequest(
            f"the name of the object ({name}) does not match the name on the URL ({info.name})"
        )
    replicas = spec.get("replicas") or 0
    if type(replicas) is not int or not 0 <= replicas <= _MAX_REPLICAS:
        causes = [field.invalid("spec.replicas", replicas, "should be a non-negative integer")]
        raise errors.invalid("autoscaling", "Scale", info.name, causes)
    return replicas


def _value(obj: JSONObject, path: str) -> Any:
    value: Any = obj
    for name in path.strip(".").split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _set(obj: JSONObject, path: str, value: int) -> None:
    """Write a value, making the objects on its way; what is there instead of one, such as null, gives way."""
    *parents, last = path.strip(".").split(".")
    for name in parents:
        if not isinstance(obj.get(name), dict):
            obj[name] = {}
        obj = obj[name]
    obj[last] = value
