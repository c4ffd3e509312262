"""Pruning and defaulting, alone and together."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from kcpcache.apimachinery.schema.defaulting import apply_defaults
from kcpcache.apimachinery.schema.pruning import prune
from kcpcache.apimachinery.schema.validation import Validator

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "default": {},
            "properties": {
                "a": {"type": "string", "default": "x"},
                "list": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {"b": {"type": "integer", "default": 1}, "n": {"type": "string"}},
                    },
                },
                "map": {"type": "object", "additionalProperties": {"type": "string"}},
                "free": {
                    "type": "object",
                    "x-kubernetes-preserve-unknown-fields": True,
                    "properties": {"known": {"type": "object"}},
                },
                "maybe": {"type": "string", "nullable": True, "default": "y"},
            },
        }
    },
}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["", "x", "long text"]),
    lambda children: (
        st.lists(children, max_size=3)
        | st.dictionaries(
            st.sampled_from(["spec", "a", "list", "map", "free", "b", "n", "maybe", "known", "zz"]),
            children,
            max_size=4,
        )
    ),
    max_leaves=15,
)
objects = st.dictionaries(st.sampled_from(["spec", "kind", "metadata", "status"]), json_values, max_size=4)


def test_unknown_fields_are_dropped_and_named() -> None:
    obj = {"kind": "A", "metadata": {"foo": 1}, "status": {}, "spec": {"list": [{"b": 1, "x": 2}], "c": 1}}
    assert prune(obj, SCHEMA) == ["spec.list[0].x", "spec.c", "status"]
    assert obj == {"kind": "A", "metadata": {"foo": 1}, "spec": {"list": [{"b": 1}]}}


def test_preserved_fields_stay_and_specified_ones_inside_are_pruned() -> None:
    obj = {"spec": {"free": {"any": {"thing": [{}]}, "known": {"x": 1}}, "map": {"k": "v"}}}
    assert prune(obj, SCHEMA) == ["spec.free.known.x"]
    assert obj["spec"] == {"free": {"any": {"thing": [{}]}, "known": {}}, "map": {"k": "v"}}


def test_items_of_a_list_that_preserves_are_kept() -> None:
    items = {"type": "object", "properties": {"a": {"type": "object"}}}
    a_list = {"type": "array", "x-kubernetes-preserve-unknown-fields": True, "items": items}
    obj = {"l": [{"x": {"y": 1}, "a": {"z": 1}}]}
    assert prune(obj, {"type": "object", "properties": {"l": a_list}}) == ["l[0].a.z"]
    assert obj == {"l": [{"x": {"y": 1}, "a": {}}]}


def test_embedded_resources_keep_their_head() -> None:
    schema = {
        "type": "object",
        "properties": {
            "template": {
                "type": "object",
                "x-kubernetes-embedded-resource": True,
                "properties": {"spec": {"type": "object"}},
            }
        },
    }
    obj = {"template": {"apiVersion": "v1", "kind": "A", "metadata": {"name": "n"}, "spec": {"x": 1}, "y": 1}}
    assert prune(obj, schema) == ["template.spec.x", "template.y"]
    assert obj == {"template": {"apiVersion": "v1", "kind": "A", "metadata": {"name": "n"}, "spec": {}}}


def test_a_part_of_a_resource_has_no_head() -> None:
    obj = {"kind": "A", "spec": {}}
    assert prune(obj, SCHEMA, is_root=False) == ["kind"]


def test_defaults_go_into_parents_that_exist_or_are_defaulted() -> None:
    obj: dict[str, Any] = {}
    apply_defaults(obj, SCHEMA)
    assert obj == {"spec": {"a": "x", "maybe": "y"}}
    obj = {"spec": {"list": [{}, {"b": 2}], "maybe": None}}
    apply_defaults(obj, SCHEMA)
    assert obj["spec"] == {"a": "x", "list": [{"b": 1}, {"b": 2}], "maybe": None}


def test_null_that_is_not_nullable_is_replaced_or_dropped() -> None:
    obj: dict[str, Any] = {"spec": {"a": None, "list": [{"b": None, "n": None}], "map": {"k": None}}}
    apply_defaults(obj, SCHEMA)
    assert obj == {"spec": {"a": "x", "list": [{"b": 1}], "map": {}, "maybe": "y"}}


def test_default_values_are_not_shared() -> None:
    first: dict[str, Any] = {}
    apply_defaults(first, SCHEMA)
    first["spec"]["map"] = {"k": "v"}
    second: dict[str, Any] = {}
    apply_defaults(second, SCHEMA)
    assert "map" not in second["spec"]


@settings(max_examples=150, deadline=None)
@given(objects)
def test_pruning_twice_finds_nothing_more(obj: dict[str, Any]) -> None:
    prune(obj, SCHEMA)
    assert prune(obj, SCHEMA) == []


@settings(max_examples=150, deadline=None)
@given(objects)
def test_pruning_changes_no_verdict(obj: dict[str, Any]) -> None:
    before = Validator(SCHEMA).validate(copy.deepcopy(obj))
    prune(obj, SCHEMA)
    assert Validator(SCHEMA).validate(obj) == before


@settings(max_examples=150, deadline=None)
@given(objects)
def test_defaulting_is_idempotent(obj: dict[str, Any]) -> None:
    apply_defaults(obj, SCHEMA)
    once = copy.deepcopy(obj)
    apply_defaults(obj, SCHEMA)
    assert obj == once
