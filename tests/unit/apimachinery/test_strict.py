"""Decoding of JSON and YAML bodies."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from kcpcache.apimachinery.errors import BadRequest
from kcpcache.apimachinery.strict import decode_document, decode_json, decode_yaml


def value_of(scalar: str) -> Any:
    return decode_yaml(f"a: {scalar}\n".encode())[0]["a"]


def test_json_object_and_its_duplicates() -> None:
    body = b'{"spec": {"a": 1, "a": 2, "list": [{"x": 1}, {"x": 1, "x": 2, "x": 3}]}, "spec.b": 1}'
    obj, duplicates = decode_json(body, find_duplicates=True)
    assert obj["spec"]["a"] == 2
    assert duplicates == ['duplicate field "spec.a"', 'duplicate field "spec.list[1].x"']
    assert decode_json(body) == (obj, [])


def test_json_without_duplicates_has_none_however_it_is_written() -> None:
    for text in ('{"a":"\\u003c","b":1.0e1}', '{ "a": [1, 2] }', '{"a":1}'):
        assert decode_json(text.encode(), find_duplicates=True)[1] == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'"x"',
        b"null",
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":1e999}',
        b'{"a":"\xff"}',
        b'{"a":"\\ud800"}',
        b'{"a":1}{"b":2}',
        b'{"a":' * 200 + b"1" + b"}" * 200,
        b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
)
def test_json_that_is_refused(body: bytes) -> None:
    with pytest.raises(BadRequest):
        decode_json(body, find_duplicates=True)


def test_wide_json_is_not_deep() -> None:
    obj, _ = decode_json(json.dumps({"a": [{} for _ in range(5000)]}).encode())
    assert len(obj["a"]) == 5000


def test_integers_beyond_64_bits_become_floats() -> None:
    assert decode_json(b'{"a":18446744073709551616}')[0]["a"] == 2.0**64
    assert value_of("9223372036854775808") == 2.0**63


@pytest.mark.parametrize(
    ("scalar", "value"),
    [
        ("yes", True),
        ("off", False),
        ("y", True),
        ("~", None),
        ("null", None),
        ("'yes'", "yes"),
        ("12", 12),
        ("-0x1F", -31),
        ("0b101", 5),
        ("010", 8),
        ("0o10", 8),
        ("1_000", 1000),
        ("1.0", 1),
        ("1.5", 1.5),
        ("1e3", 1000),
        (".5", 0.5),
        ("12:30:45", "12:30:45"),
        ("2024-01-01", "2024-01-01"),
        ("2024-01-01T00:00:00Z", "2024-01-01T00:00:00Z"),
        ("1.2.3", "1.2.3"),
        ("099", 99),
        ("'1'", "1"),
        ('"\\u00e4"', "ä"),
        ("!!str 1", "1"),
        ("!!int '5'", 5),
        ("!!binary YWI=", "ab"),
        ("!custom x", "x"),
        ("=", "="),
    ],
)
def test_yaml_scalars_are_go_s(scalar: str, value: Any) -> None:
    found = value_of(scalar)
    assert found == value
    assert type(found) is type(value)


def test_yaml_keys_become_strings() -> None:
    assert decode_yaml(b"1: a\non: b\n1.5: c\n")[0] == {"1": "a", "true": "b", "1.5": "c"}


def test_yaml_anchors_and_merges() -> None:
    obj, _ = decode_yaml(b"a: &x {b: 1, c: [2]}\nd: *x\ne: {<<: *x, b: 3}\n")
    assert obj == {"a": {"b": 1, "c": [2]}, "d": {"b": 1, "c": [2]}, "e": {"b": 3, "c": [2]}}
    obj["d"]["c"].append(3)
    assert obj["a"]["c"] == [2]


def test_yaml_duplicates_are_named() -> None:
    body = b"spec:\n  a: 1\n  a: 2\n  list:\n  - x: 1\n    x: 2\n"
    obj, duplicates = decode_yaml(body)
    assert obj == {"spec": {"a": 2, "list": [{"x": 2}]}}
    assert duplicates == ['duplicate field "spec.a"', 'duplicate field "spec.list[0].x"']
    assert decode_yaml(body, find_duplicates=False)[1] == []


LAUGHS = b"a: &a [l,l,l,l,l,l,l,l,l]\n" + b"".join(
    b"%c: &%c [%s]\n" % (c, c, b",".join([b"*%c" % (c - 1)] * 9)) for c in range(ord("b"), ord("j"))
)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"- a\n",
        b"text",
        b"a: b\n---\nc: d\n",
        b"a: [",
        b"a: \xff",
        b"a: .inf",
        b"a: .nan",
        b"a: 1e999",
        b"a: *none",
        b"a: &a [*a]",
        b"a: &a\n  b: *a\n",
        b"? [a]\n: b\n",
        b"? {a: b}\n: b\n",
        b"~: b\n",
        b"<<: 3\n",
        b"a: !!int x\n",
        LAUGHS,
        b"a: " + b"[" * 100_000,
        b"- " * 300_000 + b"a",
        b"a: " + b"{b: " * 500 + b"}" * 500,
    ],
)
def test_yaml_that_is_refused(body: bytes) -> None:
    started = time.monotonic()
    with pytest.raises(BadRequest):
        decode_yaml(body)
    assert time.monotonic() - started < 2


def test_huge_numbers_are_not_parsed_digit_by_digit() -> None:
    started = time.monotonic()
    assert value_of("1" * 1_000_000) == "1" * 1_000_000
    assert time.monotonic() - started < 1


def test_long_names_do_not_multiply() -> None:
    body = b'{"' + b"k" * 500_000 + b'": [' + b"{}, " * 200_000 + b"{}]}"
    started = time.monotonic()
    assert decode_json(body, find_duplicates=True)[1] == []
    assert time.monotonic() - started < 3


def test_documents_of_files_are_yaml_or_json_or_nothing() -> None:
    assert decode_document(b"# c\na: 1\n...\n") == ({"a": 1}, [])
    assert decode_document(b' {"a": "\xc3\xa4"} ') == ({"a": "ä"}, [])
    assert decode_document(b"{a: 1, b: {c: 1, c: 2}}") == ({"a": 1, "b": {"c": 2}}, ['duplicate field "b.c"'])
    assert decode_document(b'{"a": 1, "a": 2}') == ({"a": 2}, ['duplicate field "a"'])
    for nothing in (b"", b"# c\n", b"null", b"~\n...\n"):
        assert decode_document(nothing) == (None, [])


@pytest.mark.parametrize("text", [b"- x\n", b'{"a": 1} x', b"a: 1\n---\nb: 2\n", b"{" * 300 + b"}" * 300])
def test_document_that_is_no_object_is_refused(text: bytes) -> None:
    with pytest.raises(BadRequest):
        decode_document(text)


json_objects = st.dictionaries(
    st.text(max_size=5),
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=8),
        lambda children: (
            st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=5), children, max_size=3)
        ),
        max_leaves=10,
    ),
    max_size=4,
)


@settings(max_examples=150, deadline=None)
@given(json_objects)
def test_json_and_yaml_round_trip(obj: dict[str, Any]) -> None:
    assert decode_json(json.dumps(obj).encode(), find_duplicates=True) == (obj, [])
    quoted = yaml.safe_dump(obj, default_style='"').encode()
    assert decode_yaml(quoted) == (obj, [])


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60) | st.text("[]{}:,&*!|>-'\"\n a?<~1", max_size=40).map(str.encode))
def test_no_body_raises_anything_else(body: bytes) -> None:
    for decode in (decode_json, decode_yaml, decode_document):
        try:
            decode(body)
        except BadRequest as error:
            assert error.message
