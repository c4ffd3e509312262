"""Writing: create, update, patch over any storage that can, without a framework.

HTTP's share is decoding, the checks of body against URL, and who manages which field; what an object may be
is the storage's business.
"""

from __future__ import annotations

from typing import Any

from kcpcache.apimachinery import errors, storage, strategic
from kcpcache.apimachinery import patch as patches
from kcpcache.apimachinery.descriptor import Descriptor
from kcpcache.apimachinery.objects import JSONObject
from kcpcache.apiserver import body, fieldmanagers, forms, listoptions, negotiation, requestbody, writeoptions
from kcpcache.apiserver.exchange import Request, Response
from kcpcache.apiserver.requestinfo import RequestInfo

_PATCHES = (negotiation.JSON_PATCH, negotiation.MERGE_PATCH, negotiation.APPLY_PATCH)
_BUILTIN_PATCHES = (*_PATCHES, negotiation.STRATEGIC_MERGE_PATCH)


def create(store: storage.Creator, descriptor: Descriptor, request: Request, info: RequestInfo) -> Response:
    """A new object, 201; BadRequest, AlreadyExists, Invalid, Forbidden."""
    respond = _responder(request, descriptor)
    options = writeoptions.write_options(request, info, "CreateOptions")
    obj = requestbody.decode_object(request, options.field_validation, descriptor.kind, descriptor.version)
    requestbody.check_type(obj, descriptor)
    requestbody.check_namespace(obj, info)
    record = store.create(info.namespace, fieldmanagers.created(obj, descriptor, options), options)
    return respond(record, 201)


def update(store: storage.Updater, descriptor: Descriptor, request: Request, info: RequestInfo) -> Response:
    """The object replaced by the body's; BadRequest, NotFound, Conflict, Invalid, Forbidden."""
    respond = _responder(request, descriptor)
    options = writeoptions.write_options(request, info, "UpdateOptions")
    obj = requestbody.decode_object(request, options.field_validation, descriptor.kind, descriptor.version)
    requestbody.check_type(obj, descriptor)
    requestbody.check_namespace(obj, info)
    requestbody.check_name(obj, info)

    def change(present: JSONObject | None) -> JSONObject:
        return fieldmanagers.updated(present, patches.copied(obj), descriptor, options)

    record, was_created = store.update(info.namespace, info.name, change, options)
    return respond(record, 201 if was_created else 200)


def patch(store: storage.Updater, descriptor: Descriptor, request: Request, info: RequestInfo) -> Response:
    """The object changed by the body's patch; an apply patch makes a missing one (201)."""
    respond = _responder(request, descriptor)
    options = writeoptions.write_options(request, info, "PatchOptions")
    accepted = _BUILTIN_PATCHES if descriptor.origin == "builtin" else _PATCHES
    media = negotiation.body_media(request.headers, accepted, default="")
    force = writeoptions.apply_force(request, media)
    decoded = requestbody.decode_patch(request, media, options.field_validation)
    if media == negotiation.APPLY_PATCH:
        record, was_created = _apply(store, descriptor, info, decoded, options, force=force)
        return respond(record, 201 if was_created else 200)

    def change(present: JSONObject | None) -> JSONObject:
        if present is None:
            raise errors.not_found(descriptor.group, descriptor.plural, info.name)
        present["apiVersion"] = descriptor.api_version
        patched = patched_object(present, decoded, media, descriptor)
        _check_identity(patched, descriptor, info)
        return fieldmanagers.updated(present, patched, descriptor, options)

    record, _ = store.update(info.namespace, info.name, change, options)
    return respond(record, 200)


def patched_object(present: JSONObject, decoded: Any, media: str, descriptor: Descriptor) -> JSONObject:
    """`present` with a JSON, merge or strategic merge patch applied, in an object of its own."""
    if media == negotiation.JSON_PATCH:
        return patches.json_patch(present, decoded)
    if media == negotiation.MERGE_PATCH:
        return patches.merge_patch(present, decoded)
    return strategic.strategic_merge_patch(
        present, decoded, strategic.hints_of(descriptor.group, descriptor.kind)
    )


def _apply(
    store: storage.Updater, descriptor: Descriptor, info: RequestInfo, config: Any,
    options: storage.WriteOptions, *, force: bool,
) -> tuple[storage.Record, bool]:  # fmt: skip
    requestbody.check_type(config, descriptor)
    requestbody.check_namespace(config, info)
    config["metadata"].setdefault("name", info.name)
    requestbody.check_name(config, info)

    def change(present: JSONObject | None) -> JSONObject:
        return fieldmanagers.applied(present, patches.copied(config), descriptor, options, force=force)

    can_create = isinstance(store, storage.Creator) and not info.subresource
    return store.update(info.namespace, info.name, change, options, create_if_missing=can_create)


def _check_identity(patched: JSONObject, descriptor: Descriptor, info: RequestInfo) -> None:
    """A patch changes neither what an object is nor where it lies."""
    if not isinstance(patched.get("metadata"), dict):
        raise errors.BadRequest("metadata must be an object")
    requestbody.check_type(patched, descriptor)
    requestbody.check_namespace(patched, info)
    requestbody.check_name(patched, info)


class _responder:  # noqa: N801
    """Answers with a stored object; made before the write, so that a 406 changes nothing."""

    def __init__(self, request: Request, descriptor: Descriptor) -> None:
        self._request = request
        self._accepted = negotiation.accept(request.headers.get("accept", ""), negotiation.OBJECT)
        self._form = forms.form_of(descriptor, self._accepted, listoptions.include_object(request))

    def __call__(self, record: storage.Record, status: int) -> Response:
        return body.respond(
            self._request, self._accepted, [self._form.encode(record.body, first=True)], status
        )
