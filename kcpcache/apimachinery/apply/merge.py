"""Who owns what after a write: `apply` for server-side apply, `update` for every other write.

Source: k8s.io/apimachinery/pkg/util/managedfields and sigs.k8s.io/structured-merge-diff, merge. Versions
of a kind differ in nothing but their name here (CRD conversion strategy `None`), so that one set of fields
is true in all of them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from kcpcache.apimachinery import errors
from kcpcache.apimachinery.apply import (
    conflicts,
    extract,
    fieldset,
    lastapplied,
    managers,
    shape,
    tracked,
    typed,
)
from kcpcache.apimachinery.apply.fieldset import FieldSet
from kcpcache.apimachinery.apply.managers import Entry, Managers
from kcpcache.apimachinery.apply.shape import Schema
from kcpcache.apimachinery.objects import JSONObject


def update(
    live: JSONObject | None,
    new: JSONObject,
    *,
    manager: str,
    operation: str = managers.UPDATE,
    schema: Schema,
    api_version: str,
    subresource: str = "",
    now: str,
    has_status: bool = False,
) -> JSONObject:
    """`new` with its managedFields: the updater owns what it changed, nobody owns what is gone.

    Args:
        live: the stored object, None on create.
        new: what is about to be stored; its own managedFields count if they are valid and not empty, and
            ``[{}]`` resets them.
        manager: the field manager's name.
        operation: ``Update``, as it appears in managedFields.
        schema: the structural schema, None to deduce shapes.
        api_version: the version in which the request was made.
        subresource: the endpoint, empty for the main one.
        now: the time of a manager who gets fields.
        has_status: whether the kind has a status subresource.
    """
    body = tracked.of(new, subresource, has_status)
    root = shape.of_object(schema)
    if live is None:
        removed: FieldSet = {}
        changed = fieldset.children(extract.added(body, root))
    else:
        changed, removed = extract.compare(tracked.of(live, subresource, has_status), body, root)
    found = _sent_or_live(live, new, subresource)
    if changed or removed:
        changed = tracked.without_metadata_itself(changed)
        identity = (manager, operation, api_version, subresource)
        former = found[identity].fields if identity in found else {}
        found = managers.without(found, fieldset.union(changed, removed))
        if changed:
            fields = fieldset.union(fieldset.difference(former, removed), changed)
            found[identity] = Entry(manager, operation, api_version, subresource, now, fields)
            found = managers.capped(found)
    return _with_managers(new, found)


def apply(
    live: JSONObject | None,
    applied: JSONObject,
    *,
    manager: str,
    force: bool,
    schema: Schema,
    api_version: str,
    subresource: str = "",
    now: str,
    has_status: bool = False,
) -> JSONObject:
    """The live object (None: there is none yet) with a server-side apply of `applied` done to it.

    Fields that this manager applied before and no longer does are removed if nobody else owns them. An
    apply that changes nothing gives an object equal to `live`. The other arguments are those of `update`.

    Raises:
        BadRequest: managedFields in the configuration, another version, or list items without identity.
        Conflict: fields that change are owned by others, and `force` is not set.
    """
    root = shape.of_object(schema)
    config = tracked.of(_checked(applied, api_version, root), subresource, has_status)
    body = tracked.of(live, subresource, has_status) if live else {}
    found = _owners(live, has_status, root, now)
    identity = (manager, managers.APPLY, "", subresource)
    former = found.get(identity)
    own = tracked.without_metadata_itself(extract.claimed(config, root))
    owners: Managers = {**found, identity: Entry(manager, managers.APPLY, api_version, subresource, "", own)}
    merged = typed.merged(body, config, root)
    if former:
        merged = _pruned(merged, former.fields, owners, root)
    changed, removed = extract.compare(body, merged, root)
    others = {name: entry for name, entry in found.items() if name != identity}
    contested = _contested(others, changed)
    if contested and not force and not _is_takeover(manager, contested, live, root):
        raise conflicts.error(contested)
    result = managers.without(others, fieldset.union(changed, removed))
    is_same = former is not None and not changed and not removed and former.fields == own
    if own:
        time = former.time if former and is_same else now
        result[identity] = replace(owners[identity], time=time)
    obj = tracked.put_back(_base(live, applied, api_version), merged, subresource, has_status)
    if manager == lastapplied.KUBECTL and not subresource:
        obj = lastapplied.refresh(obj, applied)
    return _with_managers(obj, result)


def strip(obj: JSONObject) -> JSONObject:
    """The object without its managedFields."""
    return _with_managers(obj, {})


def _checked(applied: JSONObject, api_version: str, root: JSONObject) -> JSONObject:
    metadata = applied.get("metadata") or {}
    if not isinstance(metadata, dict):
        raise errors.BadRequest("failed to create typed patch object: .metadata: expected map")
    if metadata.get("managedFields"):
        raise errors.BadRequest("metadata.managedFields must be nil")
    if (specified := applied.get("apiVersion")) != api_version:
        raise errors.BadRequest(
            "Incorrect version specified in apply patch. "
            f"Specified patch version: {specified}, expected: {api_version}"
        )
    if problems := extract.duplicates(applied, root):
        raise errors.BadRequest(f"failed to create typed patch object: {'; '.join(problems)}")
    return applied


def _owners(live: JSONObject | None, has_status: bool, root: JSONObject, now: str) -> Managers:
    """The live object's managers; if it has none, all it holds belongs to `before-first-apply`."""
    found = managers.of(live)
    if not live or found:
        return found
    body = tracked.of(live, "", has_status)
    fields = tracked.without_metadata_itself(fieldset.children(extract.added(body, root)))
    if not fields:
        return found
    api_version = live.get("apiVersion") or ""
    entry = Entry(managers.BEFORE_FIRST_APPLY, managers.UPDATE, api_version, "", now, fields)
    return {entry.identity: entry}


def _pruned(merged: JSONObject, last: FieldSet, owners: Managers, root: JSONObject) -> JSONObject:
    """The merged object without what the applier owned last time and nobody owns now."""
    managed: FieldSet = {}
    for entry in owners.values():
        managed = fieldset.union(managed, entry.fields)
    last = extract.with_named_fields(last, root)
    present = _named(merged, root)
    remaining = _named(typed.without(merged, last, root), root)
    owned = fieldset.union(remaining, extract.with_named_fields(managed, root))
    with_owned = typed.without(merged, fieldset.difference(present, owned), root)
    # What is gone by now and was never the applier's own (an unowned part of a removed list item) is kept.
    doomed = fieldset.intersection(fieldset.difference(present, _named(with_owned, root)), last)
    result: JSONObject = typed.without(merged, doomed, root)
    return result


def _named(obj: JSONObject, root: JSONObject) -> FieldSet:
    return extract.with_named_fields(extract.claimed(obj, root), root)


def _contested(others: Managers, changed: FieldSet) -> list[tuple[Entry, FieldSet]]:
    common = [(entry, fieldset.intersection(entry.fields, changed)) for entry in others.values()]
    return [(entry, fields) for entry, fields in common if fields]


def _is_takeover(
    manager: str, contested: list[tuple[Entry, FieldSet]], live: JSONObject | None, root: JSONObject
) -> bool:
    """Whether kubectl only meets fields that it applied itself, client-side."""
    if manager != lastapplied.KUBECTL or live is None:
        return False
    own = lastapplied.own_fields(live, root)
    return not any(fieldset.difference(fields, own) for _, fields in contested)


def _base(live: JSONObject | None, applied: JSONObject, api_version: str) -> JSONObject:
    """The object whose tracked part is replaced: names, uid and resourceVersion as the applier gives them."""
    given = {
        name: value
        for name, value in (applied.get("metadata") or {}).items()
        if name in ("name", "namespace", "uid", "resourceVersion") and value
    }
    source = live or {"apiVersion": api_version, "kind": applied.get("kind")}
    metadata = {**(source.get("metadata") or {}), **given}
    return {**source, "apiVersion": api_version, "metadata": metadata}


def _sent_or_live(live: JSONObject | None, new: JSONObject, subresource: str) -> Managers:
    """The managers to go on from: the client's if it sent any, else the live object's."""
    sent: Any = (new.get("metadata") or {}).get("managedFields")
    if not sent or subresource or (live and sent == live["metadata"].get("managedFields")):
        return managers.of(live)
    if sent == [{}]:
        return {}
    try:
        return managers.decode(sent) or managers.of(live)
    except ValueError:  # as in Kubernetes, nonsense is not refused and does not count
        return managers.of(live)


def _with_managers(obj: JSONObject, found: Managers) -> JSONObject:
    metadata = {name: value for name, value in (obj.get("metadata") or {}).items() if name != "managedFields"}
    if found:
        metadata["managedFields"] = managers.encode(found)
    return {**obj, "metadata": metadata}
