"""Whether a schema is structural, as apiextensions.k8s.io/v1 demands of every CRD.

Source: k8s.io/apiextensions-apiserver, pkg/apiserver/schema (validation, complete) and
pkg/apis/apiextensions/validation; the wording is theirs.
"""

from __future__ import annotations

from typing import Any

from kcpcache.apimachinery import errors, field
from kcpcache.apimachinery.errors import Cause
from kcpcache.apimachinery.schema import listtypes, nested, patterns, schemadefaults, schemarules, wellformed
from kcpcache.apimachinery.schema.failures import Compiled

Schema = dict[str, Any]

_TYPES = ("array", "boolean", "integer", "number", "object", "string")
_INT_OR_STRING = ({"type": "integer"}, {"type": "string"})


def structural_causes(schema: Any, path: str) -> list[Cause]:
    """Why a schema is refused; none if it is structural and everything in it can be used.

    Args:
        schema: the value of `openAPIV3Schema`, of any JSON type.
        path: its place, such as ``spec.versions[0].schema.openAPIV3Schema``.
    """
    if causes := wellformed.malformed_causes(schema, path):
        return causes
    causes = list(_node_causes(schema, path, "root"))
    causes += nested.completeness_causes(schema, path)
    causes += schemarules.rule_causes(schema, path)
    if not causes:  # defaults are checked against the schema, which must be sound for that
        shared: dict[int, Compiled] = {}
        causes += schemadefaults.default_causes(schema, path, shared)
    return causes


def _node_causes(schema: Schema, path: str, level: str) -> list[Cause]:
    causes = _type_causes(schema, path, level)
    causes += _object_causes(schema, path, level)
    causes += _extension_causes(schema, path)
    causes += listtypes.list_type_causes(schema, path)
    causes += value_causes(schema, path)
    causes += _nested_causes(schema, path)
    if level == "root" or schema.get("x-kubernetes-embedded-resource"):
        causes += _resource_causes(schema, path, is_root=level == "root")
    for name, child in (schema.get("properties") or {}).items():
        if len(causes) > errors.MAX_CAUSES:
            return causes  # enough is told, here and below
        causes += _node_causes(child, f"{path}.properties[{name}]", "field")
    if schema.get("items") is not None:
        causes += _node_causes(schema["items"], f"{path}.items", "item")
    if isinstance(schema.get("additionalProperties"), dict):
        causes += _node_causes(schema["additionalProperties"], f"{path}.additionalProperties", "field")
    return causes


_MISSING_TYPE = {
    "root": "must not be empty at the root",
    "item": "must not be empty for specified array items",
    "field": "must not be empty for specified object fields",
}


def _type_causes(schema: Schema, path: str, level: str) -> list[Cause]:
    kind = schema.get("type") or ""
    where = f"{path}.type"
    causes: list[Cause] = []
    if kind == "null":
        causes.append(field.forbidden(where, "type cannot be set to null, use nullable as an alternative"))
    elif kind and kind not in _TYPES:
        causes.append(field.not_supported(where, kind, _TYPES))
    if schema.get("x-kubernetes-embedded-resource") and kind != "object":
        detail = "must be object if x-kubernetes-embedded-resource is true"
        causes.append(field.invalid(where, kind, detail) if kind else field.required(where, detail))
    elif level == "root" and kind and kind != "object":
        causes.append(field.invalid(where, kind, "must be object at the root"))
    elif not kind and not _may_lack_type(schema, level):
        causes.append(field.required(where, _MISSING_TYPE[level]))
    if kind == "array" and schema.get("items") is None:
        causes.append(field.required(f"{path}.items", "must be specified"))
    return causes


def _may_lack_type(schema: Schema, level: str) -> bool:
    if schema.get("x-kubernetes-preserve-unknown-fields"):
        return True
    return level != "root" and bool(schema.get("x-kubernetes-int-or-string"))


def _object_causes(schema: Schema, path: str, level: str) -> list[Cause]:
    causes: list[Cause] = []
    additional = schema.get("additionalProperties")
    where = f"{path}.additionalProperties"
    if additional is False:
        causes.append(field.forbidden(where, "additionalProperties cannot be set to false"))
    if additional is not None and schema.get("properties"):
        detail = "additionalProperties and properties are mutual exclusive"
        causes.append(field.forbidden(where, detail))
    if additional is not None and level == "root":
        causes.append(field.forbidden(where, "must not be used at the root"))
    if additional is not None and schema.get("x-kubernetes-embedded-resource"):
        detail = "must not be used if x-kubernetes-embedded-resource is set"
        causes.append(field.forbidden(where, detail))
    if schema.get("nullable") and level == "root":
        causes.append(field.forbidden(f"{path}.nullable", "nullable cannot be true at the root"))
    return causes


def _extension_causes(schema: Schema, path: str) -> list[Cause]:
    causes: list[Cause] = []
    preserves = schema.get("x-kubernetes-preserve-unknown-fields")
    if preserves is False:
        where = f"{path}.x-kubernetes-preserve-unknown-fields"
        causes.append(field.invalid(where, False, "must be true or undefined"))
    if schema.get("x-kubernetes-int-or-string"):
        if schema.get("type"):
            detail = "must be empty if x-kubernetes-int-or-string is true"
            causes.append(field.invalid(f"{path}.type", schema["type"], detail))
        for other in ("x-kubernetes-embedded-resource", "x-kubernetes-preserve-unknown-fields"):
            if schema.get(other):
                detail = "must be false if x-kubernetes-int-or-string is true"
                causes.append(field.invalid(f"{path}.{other}", True, detail))
    embedded = schema.get("x-kubernetes-embedded-resource")
    if embedded and not preserves and not schema.get("properties"):
        detail = (
            "must not be empty if x-kubernetes-embedded-resource is true "
            "without x-kubernetes-preserve-unknown-fields"
        )
        causes.append(field.required(f"{path}.properties", detail))
    return causes


def value_causes(schema: Schema, path: str) -> list[Cause]:
    """What is wrong with the keywords that restrict values, inside allOf and its like as well."""
    causes: list[Cause] = []
    if schema.get("uniqueItems"):
        detail = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
        causes.append(field.forbidden(f"{path}.uniqueItems", detail))
    if pattern := schema.get("pattern"):
        try:
            patterns.new(pattern)
        except patterns.PatternError as error:
            detail = f"must be a valid regular expression, but isn't: {error}"
            causes.append(field.invalid(f"{path}.pattern", pattern, detail))
    step = schema.get("multipleOf")
    if step is not None and step <= 0:
        causes.append(field.invalid(f"{path}.multipleOf", step, "must be greater than 0"))
    return causes


def _nested_causes(schema: Schema, path: str) -> list[Cause]:
    """The parts of allOf, anyOf, oneOf and not; the two ways to write int-or-string are let through."""
    causes: list[Cause] = []
    int_or_string = bool(schema.get("x-kubernetes-int-or-string"))
    for keyword in ("allOf", "anyOf", "oneOf"):
        for index, part in enumerate(schema.get(keyword) or ()):
            if len(causes) > errors.MAX_CAUSES:
                return causes
            where = f"{path}.{keyword}[{index}]"
            if int_or_string and keyword == "anyOf" and _is_int_or_string(schema["anyOf"]):
                continue
            skips = (
                int_or_string and keyword == "allOf" and index == 0 and _is_int_or_string(part.get("anyOf"))
            )
            inner = {name: value for name, value in part.items() if name != "anyOf"} if skips else part
            causes += nested.nested_causes(inner, where, value_causes)
    if schema.get("not") is not None:
        causes += nested.nested_causes(schema["not"], f"{path}.not", value_causes)
    return causes


def _is_int_or_string(parts: Any) -> bool:
    return isinstance(parts, list) and tuple(parts) == _INT_OR_STRING


def _resource_causes(schema: Schema, path: str, *, is_root: bool) -> list[Cause]:
    properties = schema.get("properties") or {}
    causes = [
        field.invalid(f"{path}.properties[{name}].type", properties[name].get("type", ""), "must be string")
        for name in ("apiVersion", "kind")
        if name in properties and properties[name].get("type") != "string"
    ]
    if (metadata := properties.get("metadata")) is None:
        return causes
    where = f"{path}.properties[metadata]"
    if metadata.get("type") != "object":
        causes.append(field.invalid(f"{where}.type", metadata.get("type", ""), "must be object"))
    allowed = {"type", "description", "title", "properties"}
    surplus = [name for name, value in metadata.items() if name not in allowed and value]
    restricted = set(metadata.get("properties") or {}) - {"name", "generateName"}
    if is_root and (surplus or restricted):
        detail = (
            "must not specify anything other than name and generateName, but metadata is implicitly specified"
        )
        causes.append(field.forbidden(where, detail))
    return causes
