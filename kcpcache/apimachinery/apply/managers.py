"""`metadata.managedFields` as entries: reading, writing, their order and their number."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from kcpcache.apimachinery.apply import fieldset
from kcpcache.apimachinery.apply.fieldset import FieldSet
from kcpcache.apimachinery.objects import JSONObject

MAX_UPDATE_MANAGERS = 10
ANCIENT_CHANGES = "ancient-changes"
BEFORE_FIRST_APPLY = "before-first-apply"

APPLY = "Apply"
UPDATE = "Update"

# Manager, operation, apiVersion ("" for appliers, who keep their fields across versions), subresource.
Identity: TypeAlias = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class Entry:
    """One manager's fields; `time` is RFC 3339, empty if unknown."""

    manager: str
    operation: str
    api_version: str
    subresource: str
    time: str
    fields: FieldSet

    @property
    def identity(self) -> Identity:
        """What makes two entries the same manager's."""
        api_version = "" if self.operation == APPLY else self.api_version
        return (self.manager, self.operation, api_version, self.subresource)

    def as_json(self) -> JSONObject:
        """The entry of `metadata.managedFields`."""
        entry = {"manager": self.manager, "operation": self.operation, "apiVersion": self.api_version}
        if self.time:
            entry["time"] = self.time
        result: JSONObject = {**entry, "fieldsType": "FieldsV1", "fieldsV1": self.fields}
        if self.subresource:
            result["subresource"] = self.subresource
        return result


Managers: TypeAlias = dict[Identity, Entry]


def of(obj: JSONObject | None) -> Managers:
    """The managers of a stored object, whose entries this package wrote."""
    entries = (obj or {}).get("metadata", {}).get("managedFields") or ()
    return _keyed([_entry(entry, entry["fieldsV1"]) for entry in entries])


def decode(managed_fields: Any) -> Managers:
    """The managers that a client sent.

    Raises:
        ValueError: an entry that is none.
    """
    if not isinstance(managed_fields, list):
        raise ValueError("managedFields must be an array")
    found = []
    for entry in managed_fields:
        if not isinstance(entry, dict) or not all(
            isinstance(entry.get(name) or "", str)
            for name in ("manager", "apiVersion", "subresource", "time")
        ):
            raise ValueError("an entry of managedFields must be an object of strings")
        if entry.get("operation") not in (APPLY, UPDATE):
            raise ValueError("operation must be `Apply` or `Update`")
        if entry.get("fieldsType") != "FieldsV1":
            raise ValueError(f"unsupported fieldsType: {entry.get('fieldsType')}")
        found.append(_entry(entry, fieldset.parse(entry.get("fieldsV1") or {})))
    return _keyed(found)


def encode(managers: Managers) -> list[JSONObject]:
    """The entries of `metadata.managedFields`: appliers first, then by time and name."""
    ordered = sorted(
        managers.values(),
        key=lambda entry: (
            entry.operation,
            entry.time,
            entry.manager,
            entry.api_version,
            entry.subresource,
        ),
    )
    return [entry.as_json() for entry in ordered]


def without(managers: Managers, fields: FieldSet) -> Managers:
    """The managers after these fields were taken from all of them; who has none left is gone."""
    if not fields:
        return managers
    result = {}
    for identity, entry in managers.items():
        if remaining := fieldset.difference(entry.fields, fields):
            result[identity] = entry if remaining is entry.fields else replace(entry, fields=remaining)
    return result


def capped(managers: Managers) -> Managers:
    """The managers with the oldest updaters merged into `ancient-changes`, one entry an apiVersion."""
    updaters = [entry for entry in managers.values() if entry.operation == UPDATE]
    if len(updaters) <= MAX_UPDATE_MANAGERS:
        return managers
    updaters.sort(key=lambda entry: (entry.time, entry.identity))
    result = dict(managers)
    buckets = [entry.identity for entry in updaters if entry.manager == ANCIENT_CHANGES]
    first_of_version = {bucket[2]: bucket for bucket in buckets}
    excess = len(updaters) - MAX_UPDATE_MANAGERS
    for entry in updaters:
        if not excess:
            break
        first = first_of_version.setdefault(entry.api_version, entry.identity)
        if first == entry.identity:
            continue
        bucket = (ANCIENT_CHANGES, UPDATE, entry.api_version, "")
        older = result.pop(first)
        del result[entry.identity]
        first_of_version[entry.api_version] = bucket
        result[bucket] = Entry(
            ANCIENT_CHANGES,
            UPDATE,
            entry.api_version,
            "",
            entry.time,
            fieldset.union(older.fields, entry.fields),
        )
        excess -= 1
    return result


def _entry(entry: JSONObject, fields: FieldSet) -> Entry:
    return Entry(
        entry.get("manager") or "",
        entry["operation"],
        entry.get("apiVersion") or "",
        entry.get("subresource") or "",
        entry.get("time") or "",
        fields,
    )


def _keyed(entries: list[Entry]) -> Managers:
    return {entry.identity: entry for entry in entries if entry.fields}
