"""What a structural schema says about ownership: which maps and lists are one value, which are many.

Without a schema (None) the shape is deduced as Kubernetes does it: maps are granular, lists are atomic.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from kcpcache.apimachinery.apply import fieldset
from kcpcache.apimachinery.objects import JSONObject

Schema: TypeAlias = JSONObject | None

_ANYTHING: JSONObject = {}

OBJECT_META: JSONObject = {
    "properties": {
        "annotations": {"additionalProperties": _ANYTHING},
        "labels": {"additionalProperties": _ANYTHING},
        "finalizers": {"x-kubernetes-list-type": "set", "items": _ANYTHING},
        "ownerReferences": {
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["uid"],
            "items": {"x-kubernetes-map-type": "atomic"},
        },
    }
}


def of_object(schema: Schema) -> JSONObject:
    """The schema of a whole object, in which `metadata` has the shape it has for every kind."""
    if schema is None:
        return {"properties": {"metadata": OBJECT_META}}
    return {**schema, "properties": {**(schema.get("properties") or {}), "metadata": OBJECT_META}}


def of_field(schema: Schema, name: str) -> Schema:
    """The schema of a map's entry, None if there is none."""
    if schema is None:
        return None
    declared = schema.get("properties")
    if declared and name in declared:
        found: JSONObject = declared[name]
        return found
    others = schema.get("additionalProperties")
    return others if type(others) is dict else None


def of_items(schema: Schema) -> Schema:
    """The schema of a list's items, None if there is none."""
    items = schema.get("items") if schema is not None else None
    return items if type(items) is dict else None


def declares(schema: Schema, name: str) -> bool:
    """Whether a map's entry is a field of the type, and not just a key."""
    return schema is not None and name in (schema.get("properties") or ())


def is_atomic_map(schema: Schema) -> bool:
    """Whether a map has one owner as a whole."""
    return schema is not None and schema.get("x-kubernetes-map-type") == "atomic"


def list_keys(schema: Schema) -> tuple[str, ...] | None:
    """What tells a list's items apart: key fields of a ``map``, () for a ``set``, None for an atomic list."""
    if schema is None:
        return None
    list_type = schema.get("x-kubernetes-list-type")
    if list_type == "set":
        return ()
    return tuple(schema.get("x-kubernetes-list-map-keys") or ()) or None if list_type == "map" else None


def elements(items: list[Any], keys: tuple[str, ...], schema: Schema) -> list[str]:
    """The path element of each item of a list that is not atomic; `schema` is that of the items.

    An item without its keys is known by its position.
    """
    if not keys:
        return [fieldset.value_element(item) for item in items]
    defaults = _key_defaults(keys, schema)
    found = []
    for index, item in enumerate(items):
        values = {**defaults, **{key: item[key] for key in keys if key in item}} if type(item) is dict else {}
        found.append(fieldset.key_element(values) if len(values) == len(keys) else f"i:{index}")
    return found


def _key_defaults(keys: tuple[str, ...], schema: Schema) -> JSONObject:
    defaults = {}
    for key in keys:
        declared = of_field(schema, key)
        if declared is not None and "default" in declared:
            defaults[key] = declared["default"]
    return defaults
