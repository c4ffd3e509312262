"""Whether a schema is made of the keywords and JSON types that OpenAPI v3 knows, and small enough to walk.

Everything else in this package may then recurse through it. Kubernetes gets the same from decoding into
JSONSchemaProps.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from kcpcache.apimachinery import field
from kcpcache.apimachinery.errors import Cause

MAX_DEPTH = 64
MAX_SCHEMAS = 200_000
MAX_PATH_CHARS = 8192  # of the names that lead to a schema: each cause below it names them all

_STRINGS = ("type", "format", "pattern", "description", "title")
_FLAGS = ("nullable", "uniqueItems", "exclusiveMinimum", "exclusiveMaximum")
_EXTENSION_FLAGS = (
    "x-kubernetes-int-or-string",
    "x-kubernetes-preserve-unknown-fields",
    "x-kubernetes-embedded-resource",
)
_COUNTS = ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties")
_NUMBERS = ("minimum", "maximum", "multipleOf")
_STRING_LISTS = ("required", "x-kubernetes-list-map-keys")
_SCHEMA_LISTS = ("allOf", "anyOf", "oneOf")
_EXPECTED: dict[str, str] = {
    **dict.fromkeys((*_STRINGS, "x-kubernetes-list-type", "x-kubernetes-map-type"), "string"),
    **dict.fromkeys((*_FLAGS, *_EXTENSION_FLAGS), "boolean"),
    **dict.fromkeys(_COUNTS, "integer"),
    **dict.fromkeys(_NUMBERS, "number"),
    **dict.fromkeys((*_STRING_LISTS, *_SCHEMA_LISTS, "enum", "x-kubernetes-validations"), "array"),
    **dict.fromkeys(("properties", "items", "not"), "object"),
}
_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "array": (list,),
    "object": (dict,),
}
_UNSUPPORTED = ("$ref", "id", "definitions", "dependencies", "patternProperties", "additionalItems")


def malformed_causes(schema: Any, path: str) -> list[Cause]:
    """Why a schema cannot even be read; at most the causes of the first hundred bad places."""
    causes: list[Cause] = []
    pending: list[tuple[Any, str, int]] = [(schema, path, 1)]
    count = 0
    while pending and len(causes) < 100:
        current, where, depth = pending.pop()
        count += 1
        if depth > MAX_DEPTH or count > MAX_SCHEMAS:
            return [*causes, field.forbidden(path, _too_big(depth))]
        if len(where) > MAX_PATH_CHARS:
            detail = f"the names that lead to a schema must not have more than {MAX_PATH_CHARS} characters"
            return [*causes, field.forbidden(path, detail)]
        if not isinstance(current, dict):
            causes.append(field.type_invalid(where, current, "must be a schema object"))
            continue
        found = list(_keyword_causes(current, where))
        causes += found
        if not found:
            pending += [(child, step, depth + 1) for child, step in subschemas(current, where)]
    return causes


def _too_big(depth: int) -> str:
    if depth > MAX_DEPTH:
        return f"schema must not be nested deeper than {MAX_DEPTH} levels"
    return f"schema must not have more than {MAX_SCHEMAS} parts"


def subschemas(schema: dict[str, Any], path: str) -> Iterator[tuple[Any, str]]:
    """The schemas one level down, with their paths."""
    for name, child in (schema.get("properties") or {}).items():
        yield child, f"{path}.properties[{name}]"
    if schema.get("items") is not None:
        yield schema["items"], f"{path}.items"
    if isinstance(schema.get("additionalProperties"), dict):
        yield schema["additionalProperties"], f"{path}.additionalProperties"
    for keyword in _SCHEMA_LISTS:
        for index, child in enumerate(schema.get(keyword) or ()):
            yield child, f"{path}.{keyword}[{index}]"
    if schema.get("not") is not None:
        yield schema["not"], f"{path}.not"


def _keyword_causes(schema: dict[str, Any], path: str) -> Iterator[Cause]:
    for keyword in _UNSUPPORTED:
        if schema.get(keyword) is not None:
            yield field.forbidden(f"{path}.{keyword}", f"{keyword} is not supported")
    for keyword, value in schema.items():
        expected = _EXPECTED.get(keyword)
        if value is None or expected is None:
            continue
        if keyword == "items" and isinstance(value, list):
            yield field.forbidden(f"{path}.items", "items must be a schema object and not an array")
        elif type(value) not in _TYPES[expected]:
            yield field.type_invalid(f"{path}.{keyword}", _kind(value), f"must be of type {expected}")
        elif isinstance(value, float) and not math.isfinite(value):
            yield field.invalid(f"{path}.{keyword}", str(value), "must be a finite number")
    for keyword in _STRING_LISTS:
        if any(type(entry) is not str for entry in _list(schema.get(keyword))):
            yield field.type_invalid(f"{path}.{keyword}", "array", "must be an array of strings")
    if any(type(entry) is not dict for entry in _list(schema.get("x-kubernetes-validations"))):
        yield field.type_invalid(f"{path}.x-kubernetes-validations", "array", "must be an array of objects")
    if type(schema.get("additionalProperties")) not in (dict, bool, type(None)):
        detail = "must be a schema object or a boolean"
        yield field.type_invalid(
            f"{path}.additionalProperties", _kind(schema["additionalProperties"]), detail
        )


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _kind(value: Any) -> str:
    return next((name for name, types in _TYPES.items() if type(value) in types), "null")
