"""What may stand inside allOf, anyOf, oneOf and not of a structural schema: value validation only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kcpcache.apimachinery import errors, field
from kcpcache.apimachinery.errors import Cause
from kcpcache.apimachinery.schema import wellformed

Schema = dict[str, Any]

_FORBIDDEN = {
    "type": "must be empty to be structural",
    "description": "must be empty to be structural",
    "title": "must be empty to be structural",
    "default": "must be undefined to be structural",
    "additionalProperties": "must be undefined to be structural",
    "nullable": "must be false to be structural",
    "x-kubernetes-preserve-unknown-fields": "must be false to be structural",
    "x-kubernetes-embedded-resource": "must be false to be structural",
    "x-kubernetes-int-or-string": "must be false to be structural",
    "x-kubernetes-list-map-keys": "must be empty to be structural",
    "x-kubernetes-list-type": "must be undefined to be structural",
    "x-kubernetes-map-type": "must be undefined to be structural",
    "x-kubernetes-validations": "must be empty to be structural",
}


def nested_causes(
    schema: Schema, path: str, value_causes: Callable[[Schema, str], list[Cause]]
) -> list[Cause]:
    """Why a part of allOf, anyOf, oneOf or not is refused.

    Args:
        schema: the part.
        path: its place.
        value_causes: what checks the keywords that restrict values.
    """
    causes = [
        field.forbidden(f"{path}.{keyword}", detail)
        for keyword, detail in _FORBIDDEN.items()
        if schema.get(keyword) or (keyword == "default" and schema.get(keyword) is not None)
    ]
    causes += value_causes(schema, path)
    if (schema.get("properties") or {}).get("metadata") is not None and path.count(".properties[") == 0:
        causes.append(
            field.forbidden(f"{path}.properties[metadata]", "must not be specified in a nested context")
        )
    for child, where in wellformed.subschemas(schema, path):
        if len(causes) > errors.MAX_CAUSES:
            break  # enough is told
        if not where.endswith(".additionalProperties"):
            causes += nested_causes(child, where, value_causes)
    return causes


def completeness_causes(schema: Schema, path: str) -> list[Cause]:
    """Fields that allOf and its like speak of and that the structure itself does not have."""
    causes = _missing(schema, schema, path, path, is_structure=True)
    for name, child in (schema.get("properties") or {}).items():
        if len(causes) > errors.MAX_CAUSES:
            return causes
        causes += completeness_causes(child, f"{path}.properties[{name}]")
    for keyword in ("items", "additionalProperties"):
        if isinstance(schema.get(keyword), dict):
            causes += completeness_causes(schema[keyword], f"{path}.{keyword}")
    return causes


def _missing(part: Schema, structure: Schema, path: str, where: str, *, is_structure: bool) -> list[Cause]:
    """What `part`, at `where`, speaks of and `structure`, at `path`, does not specify."""
    causes: list[Cause] = []
    for keyword in ("allOf", "anyOf", "oneOf"):
        for index, inner in enumerate(part.get(keyword) or ()):
            if len(causes) > errors.MAX_CAUSES:
                return causes
            causes += _missing(inner, structure, path, f"{where}.{keyword}[{index}]", is_structure=False)
    if part.get("not") is not None:
        causes += _missing(part["not"], structure, path, f"{where}.not", is_structure=False)
    if is_structure:
        return causes
    children = [
        (child, (structure.get("properties") or {}).get(name), f"properties[{name}]")
        for name, child in (part.get("properties") or {}).items()
    ]
    if part.get("items") is not None:
        children.append((part["items"], structure.get("items"), "items"))
    for child, specified, step in children:
        if len(causes) > errors.MAX_CAUSES:
            break
        if specified is None:
            causes.append(field.required(f"{path}.{step}", f"because it is defined in {where}.{step}"))
        else:
            causes += _missing(child, specified, f"{path}.{step}", f"{where}.{step}", is_structure=False)
    return causes
