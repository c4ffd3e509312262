"""Whether the x-kubernetes-validations in a schema can be evaluated where they stand."""

from __future__ import annotations

import re
from typing import Any

from kcpcache.apimachinery import cel, errors, field
from kcpcache.apimachinery.cel import syntax
from kcpcache.apimachinery.errors import Cause

Schema = dict[str, Any]

_STEP = re.compile(r"\.([A-Za-z_][\w-]*)|\['((?:[^'\\]|\\.)*)'\]")


def rule_causes(schema: Schema, path: str, *, is_correlatable: bool = True) -> list[Cause]:
    """Why rules in a schema are refused.

    Args:
        schema: a well-formed schema.
        path: its place.
        is_correlatable: an old value can be found for each value here; inside lists that are no maps it
            cannot, so `oldSelf` has no meaning there.
    """
    causes: list[Cause] = []
    for index, rule in enumerate(schema.get("x-kubernetes-validations") or ()):
        if len(causes) > errors.MAX_CAUSES:
            return causes  # enough is told
        where = f"{path}.x-kubernetes-validations[{index}]"
        compilation = cel.compile_causes(rule, where)
        causes += compilation
        causes += _field_path_causes(rule.get("fieldPath"), schema, where)
        expression = rule.get("rule")
        if compilation or is_correlatable:
            continue
        if isinstance(expression, str) and syntax.uses_old_self(expression):
            detail = f"oldSelf cannot be used on the uncorrelatable portion of the schema within {path}"
            causes.append(field.invalid(f"{where}.rule", expression, detail))
    for name, child in (schema.get("properties") or {}).items():
        if len(causes) > errors.MAX_CAUSES:
            return causes
        causes += rule_causes(child, f"{path}.properties[{name}]", is_correlatable=is_correlatable)
    if isinstance(schema.get("additionalProperties"), dict):
        where = f"{path}.additionalProperties"
        causes += rule_causes(schema["additionalProperties"], where, is_correlatable=is_correlatable)
    if isinstance(schema.get("items"), dict):
        is_map = schema.get("x-kubernetes-list-type") == "map"
        causes += rule_causes(schema["items"], f"{path}.items", is_correlatable=is_correlatable and is_map)
    return causes


def _field_path_causes(field_path: Any, schema: Schema, where: str) -> list[Cause]:
    if not isinstance(field_path, str) or not field_path:
        return []
    position, current = 0, schema
    while position < len(field_path):
        match = _STEP.match(field_path, position)
        name = (match.group(1) or match.group(2)) if match else None
        properties = current.get("properties") or {}
        additional = current.get("additionalProperties")
        child = properties.get(name) or (additional if isinstance(additional, dict) else None)
        if match is None or child is None:
            detail = "fieldPath must be a valid path: does not refer to a valid field"
            return [field.invalid(f"{where}.fieldPath", field_path, detail)]
        position, current = match.end(), child
    return []
