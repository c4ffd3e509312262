"""Whether the default values in a schema satisfy the schema that they stand in."""

from __future__ import annotations

from typing import Any

from kcpcache.apimachinery import field
from kcpcache.apimachinery.errors import Cause
from kcpcache.apimachinery.schema import defaulting, pruning
from kcpcache.apimachinery.schema.failures import Compiled
from kcpcache.apimachinery.schema.validation import Validator

Schema = dict[str, Any]


def default_causes(schema: Schema, path: str, shared: dict[int, Compiled]) -> list[Cause]:
    """Why default values are refused: unknown fields in them, or a value the schema does not allow.

    Args:
        schema: a structural schema without other faults.
        path: its place.
        shared: compiled checks of the same schema, filled here.
    """
    causes: list[Cause] = []
    if schema.get("default") is not None:
        causes += _value_causes(schema, f"{path}.default", shared)
    for name, child in (schema.get("properties") or {}).items():
        causes += default_causes(child, f"{path}.properties[{name}]", shared)
    for keyword in ("items", "additionalProperties"):
        if isinstance(schema.get(keyword), dict):
            causes += default_causes(schema[keyword], f"{path}.{keyword}", shared)
    return causes


def _value_causes(schema: Schema, path: str, shared: dict[int, Compiled]) -> list[Cause]:
    is_resource = bool(schema.get("x-kubernetes-embedded-resource"))
    pruned = defaulting.copied(schema["default"])
    if pruning.prune(pruned, schema, is_root=is_resource):
        return [field.invalid(path, schema["default"], "must not have unknown fields")]
    # Nested defaults apply to a default value too, before it is validated.
    defaulting.apply_defaults(pruned, schema)
    return Validator(schema, shared=shared).validate(pruned, path=path)
