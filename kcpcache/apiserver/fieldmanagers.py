"""Who manages which field of an object that is written: HTTP's way into server-side apply."""

from __future__ import annotations

from kcpcache.apimachinery import errors, objects
from kcpcache.apimachinery.apply import merge
from kcpcache.apimachinery.descriptor import Descriptor
from kcpcache.apimachinery.objects import JSONObject
from kcpcache.apimachinery.storage import WriteOptions


def created(obj: JSONObject, descriptor: Descriptor, options: WriteOptions) -> JSONObject:
    """A new object, all of whose fields are the creator's."""
    return _updated(None, obj, descriptor, options)


def updated(
    present: JSONObject | None, changed: JSONObject, descriptor: Descriptor, options: WriteOptions
) -> JSONObject:
    """A changed object: what differs from the present one is the updater's; NotFound when there is none."""
    if present is None:
        name = objects.metadata(changed).get("name") or ""
        raise errors.not_found(descriptor.group, descriptor.plural, name)
    return _updated(present, changed, descriptor, options)


def applied(
    present: JSONObject | None,
    config: JSONObject,
    descriptor: Descriptor,
    options: WriteOptions,
    *,
    force: bool,
) -> JSONObject:
    """The object after a server-side apply of `config`; Conflict when others manage what it changes."""
    return merge.apply(
        present,
        config,
        manager=options.field_manager,
        force=force,
        schema=descriptor.schema,
        api_version=descriptor.api_version,
        subresource=options.subresource,
        now=objects.timestamp(),
        has_status=descriptor.has_status,
    )


def _updated(
    present: JSONObject | None, changed: JSONObject, descriptor: Descriptor, options: WriteOptions
) -> JSONObject:
    return merge.update(
        present,
        changed,
        manager=options.field_manager,
        schema=descriptor.schema,
        api_version=descriptor.api_version,
        subresource=options.subresource,
        now=objects.timestamp(),
        has_status=descriptor.has_status,
    )
