"""OpenAPI v2 in the protocol buffers form that client-go insists on: gnostic's `openapi.v2.Document`.

Only what `openapi.py` writes is encoded: no security, tags, examples or file schemas.
Source: github.com/google/gnostic, openapiv2/OpenAPIv2.proto.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from kcpcache.apiserver.protobufwire import field_bytes, field_double, field_number, field_text

Schema = Mapping[str, Any]
Encoder = Callable[[Any], bytes]

_SCHEMA_TEXTS = {"$ref": 1, "format": 2, "title": 3, "description": 4, "pattern": 13}
_SCHEMA_DOUBLES = {"multipleOf": 6, "maximum": 7, "minimum": 9}
_SCHEMA_NUMBERS = {
    "exclusiveMaximum": 8, "exclusiveMinimum": 10, "maxLength": 11, "minLength": 12, "maxItems": 14, "minItems": 15,
    "uniqueItems": 16, "maxProperties": 17, "minProperties": 18,
}  # fmt: skip
_METHODS = {"get": 2, "put": 3, "post": 4, "delete": 5, "options": 6, "head": 7, "patch": 8}
_QUERY, _PATH = 3, 4  # of NonBodyParameter
_PARAMETER_TYPE = {"query": 6, "path": 5}
_UNIQUE = {"query": 20, "path": 19}


def encode(document: Schema) -> bytes:
    """The message of a v2 document given as JSON."""
    info = field_text(1, document["info"]["title"]) + field_text(2, document["info"]["version"])
    paths = b"".join(_named(2, path, _path_item(item)) for path, item in document["paths"].items())
    definitions = b"".join(
        _named(1, name, _schema(schema)) for name, schema in document["definitions"].items()
    )
    return (
        field_text(1, document["swagger"])
        + field_bytes(2, info)
        + field_bytes(8, paths)
        + field_bytes(9, definitions)
    )


def _named(number: int, name: str, value: bytes) -> bytes:
    """A field that holds one of gnostic's (name, value) pairs."""
    return field_bytes(number, field_text(1, name) + field_bytes(2, value))


def _any(value: Any) -> bytes:
    """An `Any`: YAML text, of which JSON is a part."""
    return field_text(2, orjson.dumps(value).decode())


def _extensions(number: int, holder: Schema) -> bytes:
    return b"".join(
        _named(number, name, _any(value)) for name, value in holder.items() if name.startswith("x-")
    )


def _path_item(item: Schema) -> bytes:
    operations = b"".join(
        field_bytes(_METHODS[name], _operation(item[name])) for name in _METHODS if name in item
    )
    return operations + b"".join(
        field_bytes(9, _parameter(parameter)) for parameter in item.get("parameters", ())
    )


def _operation(operation: Schema) -> bytes:
    parts = [field_text(3, operation["description"]), field_text(5, operation["operationId"])]
    parts += [field_text(6, media) for media in operation["produces"]]
    parts += [field_text(7, media) for media in operation["consumes"]]
    parts += [field_bytes(8, _parameter(parameter)) for parameter in operation["parameters"]]
    responses = b"".join(_named(1, code, _response(value)) for code, value in operation["responses"].items())
    parts.append(field_bytes(9, responses))
    parts += [field_text(10, scheme) for scheme in operation["schemes"]]
    parts.append(_extensions(13, operation))
    return b"".join(parts)


def _response(response: Schema) -> bytes:
    """A `ResponseValue` holding a `Response`."""
    encoded = field_text(1, response["description"])
    if "schema" in response:
        encoded += field_bytes(2, field_bytes(1, _schema(response["schema"])))
    return field_bytes(1, encoded)


def _parameter(parameter: Schema) -> bytes:
    """A `ParametersItem` holding a `Parameter`."""
    place = parameter["in"]
    if place == "body":
        body = (
            field_text(2, parameter["name"]) + field_text(3, place) + field_number(4, parameter["required"])
        )
        return field_bytes(1, field_bytes(1, body + field_bytes(5, _schema(parameter["schema"]))))
    encoded = (
        field_number(1, parameter.get("required", False)) + field_text(2, place)
        + field_text(3, parameter["description"]) + field_text(4, parameter["name"])
        + field_text(_PARAMETER_TYPE[place], parameter["type"])
        + field_number(_UNIQUE[place], parameter.get("uniqueItems", False))
    )  # fmt: skip
    return field_bytes(1, field_bytes(2, field_bytes(_QUERY if place == "query" else _PATH, encoded)))


def _schema(schema: Schema) -> bytes:
    parts = [_schema_keyword(name, value) for name, value in schema.items()]
    return b"".join(parts) + _extensions(31, schema)


def _schema_keyword(name: str, value: Any) -> bytes:
    if name in _SCHEMA_TEXTS:
        return field_text(_SCHEMA_TEXTS[name], value)
    if name in _SCHEMA_DOUBLES:
        return field_double(_SCHEMA_DOUBLES[name], value)
    if name in _SCHEMA_NUMBERS:
        return field_number(_SCHEMA_NUMBERS[name], value)
    encoder = _SCHEMA_OTHERS.get(name)
    return encoder(value) if encoder else b""


_SCHEMA_OTHERS: dict[str, Encoder] = {
    "default": lambda value: field_bytes(5, _any(value)),
    "required": lambda names: b"".join(field_text(19, name) for name in names),
    "enum": lambda values: b"".join(field_bytes(20, _any(value)) for value in values),
    "additionalProperties": lambda value: field_bytes(
        21, field_bytes(1, _schema(value)) if isinstance(value, dict) else field_number(2, value)
    ),
    "type": lambda value: field_bytes(22, field_text(1, value)),
    "items": lambda value: field_bytes(23, field_bytes(1, _schema(value))),
    "allOf": lambda values: b"".join(field_bytes(24, _schema(value)) for value in values),
    "properties": lambda value: field_bytes(
        25, b"".join(_named(1, name, _schema(child)) for name, child in value.items())
    ),
}
