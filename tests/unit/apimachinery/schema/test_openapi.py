"""What is published of a schema."""

from __future__ import annotations

from typing import Any

from kcpcache.apimachinery.schema.openapi import to_openapi_v2, to_openapi_v3

SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "d",
    "required": ["maybe", "list"],
    "properties": {
        "port": {"x-kubernetes-int-or-string": True, "anyOf": [{"type": "integer"}, {"type": "string"}]},
        "maybe": {"type": "object", "nullable": True, "properties": {"a": {"type": "string"}}},
        "free": {
            "type": "object",
            "x-kubernetes-preserve-unknown-fields": True,
            "required": ["a"],
            "properties": {"a": {"type": "string"}},
        },
        "list": {"type": "array", "items": {"type": "string", "not": {"enum": ["x"]}}},
        "map": {"type": "object", "additionalProperties": {"type": "string", "nullable": True}},
    },
}


def test_v3_is_everything_in_a_copy() -> None:
    published = to_openapi_v3(SCHEMA)
    assert published == SCHEMA
    assert published["properties"] is not SCHEMA["properties"]


def test_v2_leaves_out_what_it_cannot_say() -> None:
    assert to_openapi_v2(SCHEMA) == {
        "type": "object",
        "description": "d",
        "required": ["list"],
        "properties": {
            "port": {"x-kubernetes-int-or-string": True},
            "maybe": {},
            "free": {"x-kubernetes-preserve-unknown-fields": True, "required": ["a"]},
            "list": {"type": "array", "items": {"type": "string"}},
            "map": {"type": "object", "additionalProperties": {}},
        },
    }
