"""Which schemas are structural."""

from __future__ import annotations

import time
from typing import Any

import pytest

from kcpcache.apimachinery.errors import Cause
from kcpcache.apimachinery.schema.structural import structural_causes


def causes(schema: Any) -> list[Cause]:
    return structural_causes(schema, "s")


def fields(child: Any) -> list[str]:
    return [cause.field for cause in causes({"type": "object", "properties": {"x": child}})]


def test_a_usual_schema_is_structural() -> None:
    schema = {
        "type": "object",
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object", "properties": {"name": {"type": "string", "maxLength": 63}}},
            "spec": {
                "type": "object",
                "default": {},
                "properties": {
                    "port": {
                        "x-kubernetes-int-or-string": True,
                        "anyOf": [{"type": "integer"}, {"type": "string"}],
                    },
                    "phase": {"type": "string", "default": "New", "enum": ["New", "Ready"]},
                    "list": {
                        "type": "array",
                        "x-kubernetes-list-type": "map",
                        "x-kubernetes-list-map-keys": ["name"],
                        "items": {
                            "type": "object",
                            "required": ["name"],
                            "properties": {"name": {"type": "string"}},
                        },
                    },
                    "a": {"type": "string"},
                },
                "oneOf": [{"required": ["a"]}, {"properties": {"a": {"enum": ["b"]}}}],
            },
        },
    }
    assert causes(schema) == []


@pytest.mark.parametrize(
    ("child", "field"),
    [
        ({}, "type"),
        ({"type": "null"}, "type"),
        ({"type": "text"}, "type"),
        ({"type": "array"}, "items"),
        ({"type": "array", "items": {}}, "items.type"),
        ({"type": "array", "items": [{"type": "string"}]}, "items"),
        ({"type": "object", "additionalProperties": False}, "additionalProperties"),
        (
            {
                "type": "object",
                "additionalProperties": {"type": "string"},
                "properties": {"a": {"type": "string"}},
            },
            "additionalProperties",
        ),
        ({"type": "array", "items": {"type": "string"}, "uniqueItems": True}, "uniqueItems"),
        ({"type": "string", "pattern": "("}, "pattern"),
        ({"type": "string", "pattern": "(?=a)"}, "pattern"),
        ({"type": "integer", "x-kubernetes-int-or-string": True}, "type"),
        ({"type": "string", "x-kubernetes-embedded-resource": True}, "type"),
        ({"type": "object", "x-kubernetes-embedded-resource": True}, "properties"),
        (
            {"type": "object", "x-kubernetes-preserve-unknown-fields": False},
            "x-kubernetes-preserve-unknown-fields",
        ),
        ({"type": "object", "$ref": "#/a"}, "$ref"),
        ({"type": "string", "allOf": [{"type": "string"}]}, "allOf[0].type"),
        ({"type": "string", "not": {"nullable": True}}, "not.nullable"),
        ({"type": "string", "anyOf": [{"default": ""}]}, "anyOf[0].default"),
        ({"type": "string", "maxLength": "5"}, "maxLength"),
        ({"type": "string", "maxLength": True}, "maxLength"),
        ({"type": ["string"]}, "type"),
        ({"type": "object", "required": [1]}, "required"),
        ({"type": "object", "properties": []}, "properties"),
        ({"type": "string", "default": 5}, "default"),
        ({"type": "object", "default": {"b": 1}, "properties": {"a": {"type": "string"}}}, "default"),
        (
            {"type": "string", "x-kubernetes-validations": [{"rule": "self =="}]},
            "x-kubernetes-validations[0].rule",
        ),
        ({"type": "string", "x-kubernetes-validations": ["true"]}, "x-kubernetes-validations"),
        (
            {"type": "object", "x-kubernetes-validations": [{"rule": "true", "fieldPath": ".a"}]},
            "x-kubernetes-validations[0].fieldPath",
        ),
        ({"type": "string", "x-kubernetes-list-type": "set"}, "type"),
        (
            {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "list"},
            "x-kubernetes-list-type",
        ),
        (
            {"type": "array", "items": {"type": "object"}, "x-kubernetes-list-type": "map"},
            "x-kubernetes-list-map-keys",
        ),
    ],
)
def test_each_violation_is_found_at_its_place(child: dict[str, Any], field: str) -> None:
    assert f"s.properties[x].{field}" in fields(child)


def test_list_map_keys_exist_and_are_required_or_defaulted() -> None:
    items: dict[str, Any] = {"type": "object", "properties": {"name": {"type": "string"}}}
    child = {
        "type": "array",
        "items": items,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["name", "port"],
    }
    assert fields(child) == [
        "s.properties[x].items.properties[name].default",
        "s.properties[x].x-kubernetes-list-map-keys[1]",
    ]


def test_root_must_be_an_object_without_additional_properties() -> None:
    assert [cause.field for cause in causes({"type": "string"})] == ["s.type"]
    assert [cause.field for cause in causes({})] == ["s.type"]
    rootless = {"type": "object", "additionalProperties": {"type": "string"}}
    assert [cause.field for cause in causes(rootless)] == ["s.additionalProperties"]


def test_metadata_may_restrict_name_and_generate_name_only() -> None:
    metadata = {"type": "object", "properties": {"labels": {"type": "object"}}}
    (cause,) = causes({"type": "object", "properties": {"metadata": metadata}})
    assert cause.field == "s.properties[metadata]"
    assert cause.message == (
        "Forbidden: must not specify anything other than name and generateName, "
        "but metadata is implicitly specified"
    )


def test_nested_fields_must_be_specified_in_the_structure() -> None:
    child = {"type": "object", "anyOf": [{"properties": {"a": {"minLength": 1}}}]}
    (cause,) = causes({"type": "object", "properties": {"x": child}})
    assert cause == Cause(
        "s.properties[x].properties[a]",
        "FieldValueRequired",
        "Required value: because it is defined in s.properties[x].anyOf[0].properties[a]",
    )


def test_old_self_has_no_meaning_in_lists_that_are_no_maps() -> None:
    child = {
        "type": "array",
        "items": {"type": "string", "x-kubernetes-validations": [{"rule": "self == oldSelf"}]},
    }
    assert fields(child) == ["s.properties[x].items.x-kubernetes-validations[0].rule"]


@pytest.mark.parametrize("keyword", ["items", "not"])
def test_a_deep_schema_is_refused(keyword: str) -> None:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(5000):
        schema = {"type": "array", keyword: schema}
    (cause,) = causes(schema)
    assert "nested deeper" in cause.message


def test_a_wide_schema_with_defaults_everywhere_is_checked_quickly() -> None:
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {f"p{i}": {"type": "string"} for i in range(3000)},
    }
    for _ in range(40):
        schema = {"type": "object", "properties": {"x": {**schema, "default": {}}}}
    started = time.monotonic()
    assert causes(schema) == []
    assert time.monotonic() - started < 3


@pytest.mark.parametrize("schema", [None, [], "x", {"properties": {"a": None}}, {"items": 3}])
def test_what_is_no_schema_gives_a_cause(schema: Any) -> None:
    assert causes(schema)
