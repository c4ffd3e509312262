"""Validation rules in CEL, the rules of kcp's own CRDs among them."""

from __future__ import annotations

import time
from typing import Any

import pytest

from kcpcache.apimachinery import errors
from kcpcache.apimachinery.cel import Rules, compile_causes
from kcpcache.apimachinery.errors import Cause
from kcpcache.apimachinery.schema.schemarules import rule_causes


def rules_of(rule: str, schema: dict[str, Any] | None = None, **fields: Any) -> Rules:
    entry = {"rule": rule, **fields}
    return Rules({"type": "object", **(schema or {}), "x-kubernetes-validations": [entry]})


def holds(rule: str, obj: Any, old: Any = None, **fields: Any) -> bool:
    assert compile_causes({"rule": rule, **fields}) == []
    return rules_of(rule, **fields).validate(obj, old) == []


SELECTOR = "has(self.__namespace__) || has(self.name)"
CLAIM = "(has(self.all) && self.all) != (has(self.resourceSelector) && size(self.resourceSelector) > 0)"
CONVERSION = (
    "(self.strategy == 'None' && !has(self.webhook))  || (self.strategy == 'Webhook' && has(self.webhook))"
)
VERSIONS = "size(self.versions) == 1 || (size(self.versions) > 1 && has(self.conversion))"
PATH = "!has(oldSelf.path) || !has(self.path) || self.path == oldSelf.path"


@pytest.mark.parametrize(
    ("rule", "good", "bad", "old"),
    [
        (CLAIM, {"all": True}, {"all": True, "resourceSelector": [{"name": "a"}]}, None),
        (CLAIM, {"resourceSelector": [{"name": "a"}]}, {"resourceSelector": []}, None),
        (CONVERSION, {"strategy": "None"}, {"strategy": "Webhook"}, None),
        (VERSIONS, {"versions": [{}]}, {"versions": [{}, {}]}, None),
        ("has(self.crd) != has(self.virtual)", {"crd": {}}, {"crd": {}, "virtual": {}}, None),
        ("self == oldSelf", {"a": [1]}, {"a": [2]}, {"a": [1]}),
        ("self.name == oldSelf.name", {"name": "a"}, {"name": "b"}, {"name": "a", "x": 1}),
        (PATH, {}, {"path": "b"}, {"path": "a"}),
        ("has(oldSelf.path) == has(self.path)", {"path": "x"}, {}, {"path": "a"}),
        ("!has(oldSelf.URL) || has(self.URL)", {"URL": "x"}, {}, {"URL": "a"}),
    ],
)
def test_rules_of_kcp_hold_and_fail(rule: str, good: Any, bad: Any, old: Any) -> None:
    assert holds(rule, good, old)
    assert not holds(rule, bad, old)


def test_reserved_and_odd_names_are_escaped() -> None:
    schema = {"properties": {"namespace": {"type": "string"}, "a-b.c/d__e": {"type": "string"}}}
    rules = rules_of(f"({SELECTOR}) && self.a__dash__b__dot__c__slash__d__underscores__e == 'v'", schema)
    assert rules.validate({"namespace": "n", "a-b.c/d__e": "v"}) == []
    assert rules.validate({"a-b.c/d__e": "v"}) != []


def test_schema_without_rules_is_empty() -> None:
    rules = Rules({"type": "object", "properties": {"a": {"type": "array", "items": {"type": "string"}}}})
    assert rules.is_empty
    assert rules.validate({"a": ["b"]}) == []
    assert not rules_of("true").is_empty


def test_transition_rule_waits_for_an_old_value() -> None:
    assert holds("self == oldSelf", {"a": 1})
    schema = {
        "type": "object",
        "properties": {
            "c": {"type": "string", "x-kubernetes-validations": [{"rule": "self == oldSelf", "message": "m"}]}
        },
    }
    assert Rules(schema).validate({"c": "x"}, {}) == []
    assert Rules(schema).validate({"c": "x"}, {"c": "y"}) == [
        Cause("c", "FieldValueInvalid", 'Invalid value: "": m'.replace('""', '"string"'))
    ]


def test_items_of_map_lists_are_compared_by_key_and_others_not() -> None:
    item = {
        "type": "object",
        "x-kubernetes-validations": [{"rule": "self.v >= oldSelf.v", "message": "down"}],
    }
    a_map = {
        "type": "array",
        "items": item,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["name"],
    }
    rules = Rules({"type": "object", "properties": {"list": a_map}})
    old = {"list": [{"name": "a", "v": 2}, {"name": "b", "v": 1}]}
    new = {"list": [{"name": "b", "v": 2}, {"name": "c", "v": 0}, {"name": "a", "v": 1}]}
    assert [cause.field for cause in rules.validate(new, old)] == ["list[2]"]
    atomic = Rules({"type": "object", "properties": {"list": {"type": "array", "items": item}}})
    assert atomic.validate(new, old) == []


def test_map_values_are_compared_by_key_and_named_in_brackets() -> None:
    value = {"type": "integer", "x-kubernetes-validations": [{"rule": "self == oldSelf", "message": "m"}]}
    rules = Rules({"type": "object", "properties": {"m": {"type": "object", "additionalProperties": value}}})
    found = rules.validate({"m": {"a": 1, "b": 2}}, {"m": {"a": 1, "b": 1}}, path="spec")
    assert [cause.field for cause in found] == ["spec.m[b]"]


def test_unchanged_values_are_not_judged_again() -> None:
    assert holds("self.a > 5", {"a": 1}, {"a": 1})
    assert not holds("self.a > 5", {"a": 1}, {"a": 2})


def test_optional_old_self_runs_on_create_too() -> None:
    rule = "oldSelf.hasValue() || self.a == 1"
    assert not holds(rule, {"a": 2}, optionalOldSelf=True)
    assert holds(rule, {"a": 1}, optionalOldSelf=True)
    assert holds(rule, {"a": 2}, {"a": 3}, optionalOldSelf=True)
    assert holds("self.a >= oldSelf.?a.orValue(0)", {"a": 2}, {"a": 2, "b": 1}, optionalOldSelf=True)


def test_message_expression_field_path_and_reason_shape_the_cause() -> None:
    schema = {"properties": {"x": {"type": "integer"}}}
    rules = rules_of(
        "self.x < 5",
        schema,
        message="m",
        messageExpression="'%d is not less than 5'.format([self.x])",
        fieldPath=".x",
        reason="FieldValueForbidden",
    )
    assert rules.validate({"x": 7}, path="spec") == [
        Cause("spec.x", "FieldValueForbidden", "Forbidden: 7 is not less than 5")
    ]


def test_message_is_used_if_its_expression_fails() -> None:
    (cause,) = rules_of("false", message="m", messageExpression="self.none").validate({})
    assert cause.message == 'Invalid value: "object": m'
    (cause,) = rules_of("1 == 2").validate({})
    assert cause.message == 'Invalid value: "object": failed rule: 1 == 2'


@pytest.mark.parametrize(
    ("rule", "obj", "words"),
    [
        ("self.a > 1", {}, "no such key: a"),
        ("self.a.startsWith('x')", {"a": 1}, "no such overload"),
        ("self.a", {"a": "text"}, "no such overload"),
        ("self.a == 1", {"a": 2**64}, "out of range"),
        ("self.a == 1 &&", {"a": 1}, "compilation failed"),
        (
            "self.a.all(x, self.a.all(y, self.a.all(z, x + y + z >= 0)))",
            {"a": list(range(500))},
            "cost limit",
        ),
        ("self.l.map(x, self.s + 'a').size() > 0", {"l": list(range(900)), "s": "x" * 1_000_000}, "cost"),
        ("self.l.map(x, self.l + self.l).size() > 0", {"l": list(range(100_000))}, "cost"),
        ("self.a.replace('x', self.a).size() > 0", {"a": "x" * 10_000}, "cost limit"),
    ],
)
def test_rule_that_cannot_be_evaluated_gives_a_cause(rule: str, obj: Any, words: str) -> None:
    (cause,) = rules_of(rule).validate(obj)
    assert words in cause.message


def test_rule_on_many_values_runs_out_of_budget() -> None:
    item = {"type": "string", "x-kubernetes-validations": [{"rule": "true"}]}
    rules = Rules({"type": "object", "properties": {"l": {"type": "array", "items": item}}})
    (cause,) = rules.validate({"l": ["x"] * 20_000})
    assert "running out of cost budget" in cause.message


def test_rule_that_loops_over_a_large_object_is_evaluated() -> None:
    names = [f"listener-{index}" for index in range(64)]
    obj = {"l": [{"name": name, "hostname": name * 20} for name in names]}
    assert holds("self.l.all(a, self.l.exists_one(b, a.name == b.name && a.hostname == b.hostname))", obj)


@pytest.mark.parametrize("value", [None, [], "x", 3, {"spec": None}, {"spec": [1]}])
def test_value_of_another_shape_raises_nothing(value: Any) -> None:
    schema = {
        "type": "object",
        "properties": {"spec": {"type": "object", "x-kubernetes-validations": [{"rule": "self.a == 1"}]}},
    }
    Rules(schema).validate(value, value)
    Rules(schema).validate({"spec": {"a": 1}}, value)


def test_formats_give_cel_types() -> None:
    schema = {
        "properties": {
            "t": {"type": "string", "format": "date-time"},
            "d": {"type": "string", "format": "duration"},
            "n": {"type": "number"},
            "b": {"type": "string", "format": "byte"},
        }
    }
    rule = (
        "has(self.t) && self.t > timestamp('2020-01-01T00:00:00Z') && self.d < duration('2h') "
        "&& self.n / 2.0 == 1.5 && self.b == b'a' && self.t.getFullYear() == 2024"
    )
    obj = {"t": "2024-01-01T00:00:00Z", "d": "1h30m", "n": 3, "b": "YQ=="}
    assert rules_of(rule, schema).validate(obj) == []


@pytest.mark.parametrize(
    "rule",
    [
        "[1, 2].isSorted() && self.l.sum() == 10 && self.l.max() == 9 && self.l.min() == 1",
        "self.l.indexOf(9) == 1 && self.l.lastIndexOf('x') == -1 && self.s.indexOf('1') == 2",
        "self.s.find('[0-9]+') == '12' && self.s.findAll('[0-9]') == ['1', '2']",
        "self.s.findAll('[0-9]', 1) == ['1'] && self.s.matches('^ab')",
        "self.s.upperAscii() == 'AB12' && self.s.substring(1, 3) == 'b1' && self.s.charAt(0) == 'a'",
        "self.s.split('b') == ['a', '12'] && ['a', 'b'].join(',') == 'a,b' && ' x '.trim() == 'x'",
        "self.s.replace('1', 'x') == 'abx2' && 'aaa'.replace('a', 'b', 2) == 'bba'",
        "url('https://u@h.io:80/p?q=1').getHost() == 'h.io:80' && !isURL('h.io')",
        "url('https://h.io:80/p?q=1').getQuery()['q'] == ['1'] && url('/p').getScheme() == ''",
        "quantity('1Gi').isGreaterThan(quantity('1G')) && quantity('1') == quantity('1000m')",
        "quantity('2').add(1).sub(quantity('1')).compareTo(quantity('2')) == 0 && !isQuantity('x')",
        "quantity('50k').asInteger() == 50000 && quantity('1.5').isInteger() == false",
        "ip('10.0.0.1').family() == 4 && isIP('::1') && !isIP('x') && ip('127.0.0.1').isLoopback()",
        "cidr('10.0.0.0/8').containsIP('10.1.1.1') && !cidr('10.0.0.0/8').containsCIDR('11.0.0.0/16')",
        "cidr('10.0.0.1/8').masked() == cidr('10.0.0.0/8') && isCIDR('::/0')",
        "sets.contains([1, 2], [1]) && self.l.all(i, v, v > i) && self.?none.orValue(1) == 1",
        "'%s %d %.1f %x'.format(['a', 1, 2.5, 255]) == 'a 1 2.5 ff'",
    ],
)
def test_kubernetes_libraries(rule: str) -> None:
    assert holds(rule, {"l": [1, 9], "s": "ab12"})


@pytest.mark.parametrize(
    ("entry", "field"),
    [
        ({}, "rule"),
        ({"rule": "  "}, "rule"),
        ({"rule": "nope(self)"}, "rule"),
        ({"rule": "'text'"}, "rule"),
        ({"rule": "(" * 10_000 + "true" + ")" * 10_000}, "rule"),
        ({"rule": "!" * 30_000 + "true"}, "rule"),
        ({"rule": "[['a'].map(x, x+x+x+x+x).map(x, x+x+x+x+x).map(x, x+x+x+x+x)].size() > 0"}, "rule"),
        ({"rule": "true", "message": " "}, "message"),
        ({"rule": "true", "message": "a\nb"}, "message"),
        ({"rule": "true", "message": 3}, "message"),
        ({"rule": "true", "messageExpression": "1"}, "messageExpression"),
        ({"rule": "true", "reason": "Other"}, "reason"),
        ({"rule": "true", "optionalOldSelf": True}, "optionalOldSelf"),
    ],
)
def test_unusable_rule_is_refused_when_it_is_written(entry: dict[str, Any], field: str) -> None:
    assert [cause.field for cause in compile_causes(entry, "v[0]")] == [f"v[0].{field}"]


def test_boolean_that_becomes_a_number_is_judged_again() -> None:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    rules = rules_of("type(self.a) == bool", schema)
    assert rules.validate({"a": True}, {"a": True}) == []
    assert len(rules.validate({"a": 1}, {"a": True})) == 1


@pytest.mark.parametrize("field", ["rule", "messageExpression"])
def test_hostile_quotes_are_refused_quickly(field: str) -> None:
    hostile = '"' + '\\"' * 500_000
    entry = {"rule": "oldSelf == self", "optionalOldSelf": True, field: hostile}
    started = time.process_time()
    (cause,) = compile_causes(entry)
    assert cause.field == field
    assert "budget" in cause.message
    schema = {"type": "object", "x-kubernetes-validations": [entry]}
    assert rule_causes(schema, "items", is_correlatable=False)
    assert time.process_time() - started < 1


def test_rules_that_all_fail_are_told_as_far_as_there_is_room() -> None:
    entry = {"rule": "self == 'y'", "messageExpression": "self + self"}
    items = {"type": "string", "x-kubernetes-validations": [entry]}
    rules = Rules({"type": "object", "properties": {"l": {"type": "array", "items": items}}})
    found = rules.validate({"l": ["z" * 5000] * 3000})
    assert len(found) == errors.MAX_CAUSES + 1


# A text that has the automaton make a new state at each character, so that each costs the whole program.
COSTLY, TEXT = "[ab]*a[ab]{900}c", "".join("ab"[bin(n * 2654435761).count("1") % 2] for n in range(500_000))


@pytest.mark.parametrize(
    ("rule", "complaint"),
    [
        (f"self.x.matches('{COSTLY}')", "actual cost limit exceeded"),
        (f"matches(self.x, '{COSTLY}')", "actual cost limit exceeded"),
        (f"self.x.find('{COSTLY}') == ''", "actual cost limit exceeded"),
        ("self.x.matches(self.p)", "actual cost limit exceeded"),
    ],
)
def test_costly_expressions_are_refused_before_they_are_matched(rule: str, complaint: str) -> None:
    started = time.monotonic()
    refused, spent = rules_of(rule).validate({"x": TEXT, "p": COSTLY})
    assert complaint in refused.message
    assert "running out of cost budget" in spent.message
    assert time.monotonic() - started < 5
    assert rules_of(rule).validate({"x": "b" * 100 if "find" in rule else "a" * 902 + "c", "p": "a"}) == []


def test_ordinary_expressions_are_matched() -> None:
    rule = "self.names.all(name, name.matches('^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$'))"
    assert rules_of(rule).validate({"names": [f"an-ordinary-name-{n}" for n in range(2000)]}) == []
