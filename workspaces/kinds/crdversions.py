"""Versions of a resource: schemas, subresources, columns and selectable fields.

Source and wording: k8s.io/apiextensions-apiserver, pkg/apis/apiextensions/validation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kcpcache.apimachinery import field, jsonpath, names
from kcpcache.apimachinery.errors import Cause
from kcpcache.apimachinery.objects import JSONObject
from kcpcache.apimachinery.schema import structural

_COLUMN_TYPES = ("boolean", "date", "integer", "number", "string")
_COLUMN_FORMATS = ("byte", "date", "date-time", "double", "float", "int32", "int64", "password")
_SELECTABLE_TYPES = ("boolean", "integer", "string")
_SELECTABLE_LIMIT = 8


def validate(versions: Sequence[JSONObject], path: str) -> list[Cause]:
    """Causes for `spec.versions`."""
    causes: list[Cause] = []
    stated = [str(version.get("name")) for version in versions]
    if len(set(stated)) != len(stated):
        causes.append(field.invalid(path, stated, "must contain unique version names"))
    if sum(bool(version.get("storage")) for version in versions) != 1:
        causes.append(field.invalid(path, stated, "must have exactly one version marked as storage version"))
    for index, version in enumerate(versions):
        causes += _version_causes(version, f"{path}[{index}]")
    return causes


def _version_causes(version: JSONObject, path: str) -> list[Cause]:
    name = version.get("name") or ""
    causes = [field.invalid(f"{path}.name", name, problem) for problem in names.dns1035_label(name)]
    if version.get("deprecationWarning") is not None and not version.get("deprecated"):
        causes.append(
            field.invalid(
                f"{path}.deprecationWarning",
                version["deprecationWarning"],
                "can only be set for deprecated versions",
            )
        )
    schema = (version.get("schema") or {}).get("openAPIV3Schema")
    where = f"{path}.schema.openAPIV3Schema"
    if schema is None:
        causes.append(field.required(where, "schemas are required"))
    else:
        schema_causes = structural.structural_causes(schema, where)
        causes += schema_causes
        if not schema_causes:
            causes += _selectable_causes(version, schema, path)
    causes += _scale_causes(version, path)
    causes += _column_causes(
        version.get("additionalPrinterColumns") or [], f"{path}.additionalPrinterColumns"
    )
    return causes


def _scale_causes(version: JSONObject, path: str) -> list[Cause]:
    scale = (version.get("subresources") or {}).get("scale")
    if not scale:
        return []
    where = f"{path}.subresources.scale"
    rules = (
        ("specReplicasPath", (".spec.",), True),
        ("statusReplicasPath", (".status.",), True),
        ("labelSelectorPath", (".spec.", ".status."), False),
    )
    causes: list[Cause] = []
    for name, prefixes, is_required in rules:
        value = scale.get(name) or ""
        if not value and is_required:
            causes.append(field.required(f"{where}.{name}"))
        elif value and (problem := _path_problem(value)):
            causes.append(field.invalid(f"{where}.{name}", value, problem))
        elif value and not value.startswith(prefixes):
            wanted = " or ".join(prefix.rstrip(".") for prefix in prefixes)
            causes.append(field.invalid(f"{where}.{name}", value, f"should be a json path under {wanted}"))
    return causes


def _column_causes(columns: Sequence[JSONObject], path: str) -> list[Cause]:
    causes: list[Cause] = []
    for index, column in enumerate(columns):
        where = f"{path}[{index}]"
        if not column.get("name"):
            causes.append(field.required(f"{where}.name"))
        if not column.get("type"):
            causes.append(field.required(f"{where}.type", f"must be one of {','.join(_COLUMN_TYPES)}"))
        elif column["type"] not in _COLUMN_TYPES:
            causes.append(
                field.invalid(f"{where}.type", column["type"], f"must be one of {','.join(_COLUMN_TYPES)}")
            )
        if column.get("format") and column["format"] not in _COLUMN_FORMATS:
            causes.append(
                field.invalid(
                    f"{where}.format", column["format"], f"must be one of {','.join(_COLUMN_FORMATS)}"
                )
            )
        value = column.get("jsonPath") or ""
        if not value:
            causes.append(field.required(f"{where}.jsonPath"))
        elif problem := _path_problem(value):
            causes.append(field.invalid(f"{where}.jsonPath", value, problem))
    return causes


def _path_problem(path: str) -> str:
    """What is wrong with a JSONPath; empty when it is fine."""
    if not path.startswith("."):
        return "must be a simple json path starting with ."
    try:
        jsonpath.compile(path)
    except ValueError as error:
        return str(error)
    return ""


def _selectable_causes(version: JSONObject, schema: JSONObject, path: str) -> list[Cause]:
    selectable = version.get("selectableFields") or []
    where = f"{path}.selectableFields"
    if len(selectable) > _SELECTABLE_LIMIT:
        return [
            Cause(
                where,
                "FieldValueTooMany",
                f"Too many: {len(selectable)}: must have at most {_SELECTABLE_LIMIT} items",
            )
        ]
    causes: list[Cause] = []
    seen: set[str] = set()
    for index, entry in enumerate(selectable):
        place, value = f"{where}[{index}].jsonPath", entry.get("jsonPath") or ""
        if not value:
            causes.append(field.required(place))
        elif value in seen:
            causes.append(field.duplicate(place, value))
        elif problem := _selectable_problem(value, schema):
            causes.append(field.invalid(place, value, problem))
        seen.add(value)
    return causes


def _selectable_problem(path: str, schema: JSONObject) -> str:
    if not path.startswith("."):
        return "must be a simple json path starting with ."
    parts = path[1:].split(".")
    if parts[0] == "metadata":
        return "must not point to fields in metadata"
    node: Any = schema
    for part in parts:
        node = (node.get("properties") or {}).get(part)
        if node is None:
            return "does not refer to a valid field"
    if node.get("type") not in _SELECTABLE_TYPES:
        return f"must point to a field of type {', '.join(_SELECTABLE_TYPES)}"
    return ""
