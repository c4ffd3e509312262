"""Validation of objects against structural schemas, with Kubernetes' words."""

from __future__ import annotations

import time
from typing import Any

import pytest

from kcpcache.apimachinery import errors
from kcpcache.apimachinery.errors import Cause
from kcpcache.apimachinery.schema import failures, patterns
from kcpcache.apimachinery.schema.validation import Validator


def spec_of(child: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": {"spec": {"type": "object", "properties": {"x": child}}}}


def causes(child: dict[str, Any], value: Any) -> list[Cause]:
    return Validator(spec_of(child)).validate({"spec": {"x": value}})


def only(child: dict[str, Any], value: Any) -> Cause:
    (cause,) = causes(child, value)
    return cause


INVALID, TYPE, REQUIRED = "FieldValueInvalid", "FieldValueTypeInvalid", "FieldValueRequired"


@pytest.mark.parametrize(
    ("child", "value", "reason", "message"),
    [
        (
            {"type": "integer"},
            "4",
            TYPE,
            'Invalid value: "string": spec.x in body must be of type integer: "string"',
        ),
        (
            {"type": "string"},
            True,
            TYPE,
            'Invalid value: "boolean": spec.x in body must be of type string: "boolean"',
        ),
        (
            {"type": "number"},
            True,
            TYPE,
            'Invalid value: "boolean": spec.x in body must be of type number: "boolean"',
        ),
        (
            {"type": "string"},
            None,
            TYPE,
            'Invalid value: "null": spec.x in body must be of type string: "null"',
        ),
        (
            {"type": "integer"},
            1.5,
            TYPE,
            'Invalid value: "number": spec.x in body must be of type integer: "number"',
        ),
        (
            {"type": "string", "pattern": "^a+$"},
            "b",
            INVALID,
            "Invalid value: \"b\": spec.x in body should match '^a+$'",
        ),
        (
            {"type": "string", "minLength": 3},
            "äö",
            INVALID,
            'Invalid value: "äö": spec.x in body should be at least 3 chars long',
        ),
        (
            {"type": "string", "maxLength": 2},
            "abc",
            "FieldValueTooLong",
            "Too long: may not be more than 2 bytes",
        ),
        (
            {"type": "integer", "minimum": 1},
            0,
            INVALID,
            "Invalid value: 0: spec.x in body should be greater than or equal to 1",
        ),
        (
            {"type": "integer", "minimum": 1, "exclusiveMinimum": True},
            1,
            INVALID,
            "Invalid value: 1: spec.x in body should be greater than 1",
        ),
        (
            {"type": "integer", "maximum": 3},
            4,
            INVALID,
            "Invalid value: 4: spec.x in body should be less than or equal to 3",
        ),
        (
            {"type": "integer", "maximum": 3, "exclusiveMaximum": True},
            3,
            INVALID,
            "Invalid value: 3: spec.x in body should be less than 3",
        ),
        (
            {"type": "number", "multipleOf": 0.1},
            0.35,
            INVALID,
            "Invalid value: 0.35: spec.x in body should be a multiple of 0.1",
        ),
        (
            {"type": "string", "enum": ["a", "b"]},
            "c",
            "FieldValueNotSupported",
            'Unsupported value: "c": supported values: "a", "b"',
        ),
        (
            {"type": "array", "items": {"type": "string"}, "maxItems": 1},
            ["a", "b"],
            "FieldValueTooMany",
            "Too many: 2: must have at most 1 items",
        ),
        (
            {"type": "array", "items": {"type": "string"}, "minItems": 1},
            [],
            INVALID,
            "Invalid value: []: spec.x in body should have at least 1 items",
        ),
        (
            {"type": "object", "minProperties": 1},
            {},
            INVALID,
            "Invalid value: {}: spec.x in body should have at least 1 properties",
        ),
        (
            {"type": "string", "format": "date-time"},
            "soon",
            TYPE,
            'Invalid value: "soon": spec.x in body must be of type date-time: "soon"',
        ),
    ],
)
def test_each_keyword_refuses_in_kubernetes_words(
    child: dict[str, Any], value: Any, reason: str, message: str
) -> None:
    assert only(child, value) == Cause("spec.x", reason, message)


@pytest.mark.parametrize(
    ("child", "value"),
    [
        ({"type": "integer"}, 4),
        ({"type": "integer"}, 4.0),
        ({"type": "number"}, 4),
        ({"type": "string", "nullable": True}, None),
        ({"type": "string", "maxLength": 2}, "😀😀"),
        ({"type": "string", "pattern": "b"}, "abc"),
        ({"type": "number", "multipleOf": 0.1}, 0.3),
        ({"x-kubernetes-int-or-string": True}, 3),
        ({"x-kubernetes-int-or-string": True, "anyOf": [{"type": "integer"}, {"type": "string"}]}, "50%"),
        ({"x-kubernetes-preserve-unknown-fields": True}, {"any": ["thing", None]}),
        ({"type": "string", "format": "no-such-format"}, "x"),
        ({"type": "object", "additionalProperties": True}, {"a": 1}),
    ],
)
def test_allowed_values_have_no_causes(child: dict[str, Any], value: Any) -> None:
    assert causes(child, value) == []


def test_missing_field_is_required_at_its_own_path() -> None:
    schema = spec_of({"type": "array", "items": {"type": "object", "required": ["name"]}})
    found = Validator(schema).validate({"spec": {"x": [{"name": 1}, {}]}})
    assert found == [Cause("spec.x[1].name", REQUIRED, "Required value")]


def test_enum_tells_numbers_from_booleans() -> None:
    assert only({"x-kubernetes-preserve-unknown-fields": True, "enum": [1]}, True).reason == (
        "FieldValueNotSupported"
    )


def test_one_of_with_no_valid_alternative_has_no_field_of_its_own() -> None:
    child = {
        "type": "object",
        "properties": {"a": {"type": "string"}, "b": {"type": "string"}},
        "oneOf": [{"required": ["a"]}, {"required": ["b"]}],
    }
    first, second = causes(child, {})
    assert first.field == "<nil>"
    assert first.message == (
        'Invalid value: "": "spec.x" must validate one and only one schema (oneOf). Found none valid'
    )
    assert second.field == "spec.x.a"
    (both,) = causes(child, {"a": "", "b": ""})
    assert both.message.endswith("(oneOf). Found 2 valid alternatives")


def test_any_of_all_of_and_not_are_worded_as_kube_openapi_words_them() -> None:
    number = {"x-kubernetes-preserve-unknown-fields": True}
    any_of = causes({**number, "anyOf": [{"minimum": 5}, {"maximum": 1}]}, 3)
    assert '"spec.x" must validate at least one schema (anyOf)' in any_of[0].message
    all_of = causes({**number, "allOf": [{"minimum": 5}, {"minimum": 1}]}, 3)
    assert '"spec.x" must validate all the schemas (allOf)' in all_of[0].message
    negated = only({**number, "not": {"enum": ["system"]}}, "system")
    assert '"spec.x" must not validate the schema (not)' in negated.message


def test_duplicates_in_set_and_map_lists_are_named_by_index() -> None:
    a_set = {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set"}
    assert only(a_set, ["a", "b", "a"]) == Cause("spec.x[2]", "FieldValueDuplicate", 'Duplicate value: "a"')
    a_map = {
        "type": "array",
        "items": {"type": "object"},
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["name"],
    }
    found = only(a_map, [{"name": "a", "v": 1}, {"name": "a", "v": 2}])
    assert found == Cause("spec.x[1]", "FieldValueDuplicate", 'Duplicate value: {"name":"a"}')


def test_embedded_resource_needs_kind_and_api_version() -> None:
    child = {
        "type": "object",
        "x-kubernetes-embedded-resource": True,
        "x-kubernetes-preserve-unknown-fields": True,
    }
    assert [cause.field for cause in causes(child, {"kind": "A"})] == ["spec.x.apiVersion"]


def test_integer_formats_bound_their_range() -> None:
    assert causes({"type": "integer", "format": "int32"}, 2**31 - 1) == []
    assert only({"type": "integer", "format": "int32"}, 2**31).reason == TYPE
    assert only({"type": "integer"}, 2**63).reason == TYPE


def test_path_of_the_object_is_a_prefix() -> None:
    validator = Validator({"type": "object", "required": ["a"], "minProperties": 1})
    assert [cause.field for cause in validator.validate({}, path="spec.template")] == [
        "spec.template.a",
        "spec.template",
    ]


def test_causes_join_into_the_message_kubectl_shows() -> None:
    error = errors.invalid("example.io", "Sheriff", "w", causes({"type": "integer"}, "4"))
    assert error.message == (
        'Sheriff.example.io "w" is invalid: spec.x: Invalid value: "string": '
        'spec.x in body must be of type integer: "string"'
    )


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("date", "2024-02-29", "2023-02-29"),
        ("date-time", "2024-01-01T00:00:00.5+01:00", "2024-01-01 00:00:00"),
        ("duration", "1h30m", "soon"),
        ("byte", "YWI=", "YWI"),
        ("email", "a@b.io", "a.b.io"),
        ("hostname", "a-b.example.com", "-a.example.com"),
        ("ipv4", "10.0.0.1", "10.0.0.256"),
        ("ipv6", "fe80::1", "10.0.0.1"),
        ("cidr", "10.0.0.0/8", "10.0.0.0"),
        ("uri", "https://example.com:8443/a?b=c", "example.com"),
        ("uuid", "123e4567-e89b-12d3-a456-426614174000", "123e4567"),
        ("mac", "01:23:45:67:89:ab", "01:23:45:67:89"),
    ],
)
def test_formats_accept_and_refuse(name: str, good: str, bad: str) -> None:
    schema = {"type": "string", "format": name}
    assert causes(schema, good) == []
    assert len(causes(schema, bad)) == 1


def test_hostile_pattern_takes_linear_time() -> None:
    started = time.monotonic()
    causes({"type": "string", "pattern": "^(a+)+$"}, "a" * 100_000 + "b")
    assert time.monotonic() - started < 2


def test_a_million_failures_are_cut_short() -> None:
    schema = {"type": "array", "items": {"type": "string"}}
    started = time.monotonic()
    assert len(causes(schema, [1] * 1_000_000)) == failures.MAX_FAILURES
    assert time.monotonic() - started < 2


def test_failures_of_a_large_enum_do_not_quote_it_a_thousand_times() -> None:
    schema = {"type": "array", "items": {"type": "string", "enum": [f"value{n}" for n in range(30_000)]}}
    found = causes(schema, ["x"] * 1000)
    assert len(found) == failures.MAX_FAILURES
    assert sum(len(cause.message) for cause in found) < 1024 * 1024


def test_parts_that_all_fail_do_not_multiply() -> None:
    schema = {"allOf": [{"items": {"maxLength": 0}}] * 1000, "type": "array", "items": {"type": "string"}}
    assert len(causes(schema, ["x"] * 1000)) <= failures.MAX_FAILURES


# A text that has the automaton make a new state at each character, so that each costs the whole program.
COSTLY, TEXT = "[ab]*a[ab]{900}c", "".join("ab"[bin(n * 2654435761).count("1") % 2] for n in range(500_000))


def test_costly_pattern_is_refused_before_it_is_matched() -> None:
    cause = only({"type": "string", "pattern": COSTLY}, TEXT)
    assert "running out of cost budget" in cause.message
    assert COSTLY in cause.message
    assert "500000 characters" in cause.message


def test_costly_patterns_are_added_up() -> None:
    schema = {"type": "array", "items": {"type": "string", "pattern": COSTLY}}
    (cause,) = causes(schema, ["a" * 901 + "c" + TEXT[:1000]] * 1000)
    assert "running out of cost budget" in cause.message


def test_refusal_for_its_cost_is_none_that_a_not_turns_round() -> None:
    schema = {"type": "string", "not": {"pattern": COSTLY}}
    assert "running out of cost budget" in only(schema, TEXT).message


def test_ordinary_patterns_of_a_large_object_are_matched() -> None:
    label = "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"
    schema = {"type": "array", "items": {"type": "string", "pattern": label}}
    assert causes(schema, [f"an-ordinary-name-{n}" for n in range(20_000)]) == []


def test_program_that_is_too_large_is_no_pattern_of_a_new_schema() -> None:
    assert patterns.new(".{0,1000}").occurs("x")
    with pytest.raises(patterns.PatternError, match="steps"):
        patterns.new(3 * ".{0,1000}")
