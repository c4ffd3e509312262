"""The rules of x-kubernetes-list-type, x-kubernetes-list-map-keys and x-kubernetes-map-type."""

from __future__ import annotations

from typing import Any

from kcpcache.apimachinery import field
from kcpcache.apimachinery.errors import Cause

Schema = dict[str, Any]

_IS_KEY = "this property is in x-kubernetes-list-map-keys"
_SCALARS = ("string", "boolean", "integer", "number")


def list_type_causes(schema: Schema, path: str) -> list[Cause]:
    """Why the list or map type of a schema is refused."""
    causes: list[Cause] = []
    kind = schema.get("type")
    list_type = schema.get("x-kubernetes-list-type")
    map_type = schema.get("x-kubernetes-map-type")
    if list_type is not None:
        if list_type not in ("atomic", "set", "map"):
            where = f"{path}.x-kubernetes-list-type"
            causes.append(field.not_supported(where, list_type, ("atomic", "set", "map")))
        if kind != "array":
            detail = "must be array if x-kubernetes-list-type is specified"
            causes.append(field.invalid(f"{path}.type", kind or "", detail))
    if map_type is not None:
        if map_type not in ("atomic", "granular"):
            where = f"{path}.x-kubernetes-map-type"
            causes.append(field.not_supported(where, map_type, ("atomic", "granular")))
        if kind != "object":
            detail = "must be object if x-kubernetes-map-type is specified"
            causes.append(field.invalid(f"{path}.type", kind or "", detail))
    if list_type == "map":
        causes += _map_causes(schema, path)
    elif schema.get("x-kubernetes-list-map-keys"):
        where = f"{path}.x-kubernetes-list-type"
        detail = "must be map if x-kubernetes-list-map-keys is non-empty"
        causes.append(field.invalid(where, list_type or "", detail))
    if list_type == "set" and isinstance(schema.get("items"), dict):
        causes += _set_causes(schema["items"], f"{path}.items")
    return causes


def _set_causes(items: Schema, path: str) -> list[Cause]:
    causes: list[Cause] = []
    if items.get("nullable"):
        detail = "cannot be nullable when x-kubernetes-list-type is set"
        causes.append(field.forbidden(f"{path}.nullable", detail))
    if items.get("type") == "object" and items.get("x-kubernetes-map-type") != "atomic":
        detail = 'must be "atomic" if the parent\'s x-kubernetes-list-type is "set"'
        where = f"{path}.x-kubernetes-map-type"
        causes.append(field.invalid(where, items.get("x-kubernetes-map-type") or "", detail))
    if items.get("type") == "array" and items.get("x-kubernetes-list-type") not in (None, "atomic"):
        detail = 'must be "atomic" if the parent\'s x-kubernetes-list-type is "set"'
        where = f"{path}.x-kubernetes-list-type"
        causes.append(field.invalid(where, items["x-kubernetes-list-type"], detail))
    return causes


def _map_causes(schema: Schema, path: str) -> list[Cause]:
    keys: list[str] = schema.get("x-kubernetes-list-map-keys") or []
    where = f"{path}.x-kubernetes-list-map-keys"
    if not keys:
        return [field.required(where, "must not be empty if x-kubernetes-list-type is map")]
    items = schema.get("items")
    if not isinstance(items, dict):
        return []  # a list without items is refused already
    if items.get("type") != "object":
        detail = "must be object if parent array's x-kubernetes-list-type is map"
        return [field.invalid(f"{path}.items.type", items.get("type") or "", detail)]
    causes: list[Cause] = []
    if items.get("nullable"):
        detail = "cannot be nullable when x-kubernetes-list-type is map"
        causes.append(field.forbidden(f"{path}.items.nullable", detail))
    properties = items.get("properties") or {}
    required = items.get("required") or []
    seen: set[str] = set()
    for index, key in enumerate(keys):
        if key in seen:
            causes.append(field.duplicate(f"{where}[{index}]", key))
        seen.add(key)
        key_path = f"{path}.items.properties[{key}]"
        if key not in properties:
            detail = "entries must all be names of item properties"
            causes.append(field.invalid(f"{where}[{index}]", key, detail))
        else:
            causes += _key_causes(properties[key], key in required, key_path)
    return causes


def _key_causes(key: Schema, is_required: bool, path: str) -> list[Cause]:
    causes: list[Cause] = []
    if key.get("type") not in _SCALARS:
        detail = "must be a scalar type if parent array's x-kubernetes-list-type is map"
        causes.append(field.invalid(f"{path}.type", key.get("type") or "", detail))
    if key.get("default") is None and not is_required:
        detail = f"{_IS_KEY}, so it must have a default or be a required property"
        causes.append(field.required(f"{path}.default", detail))
    if key.get("nullable"):
        detail = f"{_IS_KEY}, so it cannot be nullable"
        causes.append(field.forbidden(f"{path}.nullable", detail))
    return causes
