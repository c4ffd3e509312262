"""YAML scalars, as kubectl understands them."""

from __future__ import annotations

from typing import Any

import pytest

from workspaces import yamlvalues


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("-7", -7),
        ("0o17", 15),
        ("017", 15),
        ("0x1F", 31),
        ("0b11", 3),
        ("1_000", 1000),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("yes", True),
        ("Off", False),
        ("~", None),
        ("", None),
        ("2025-10-21", "2025-10-21"),
        ("2025-10-21T14:03:41Z", "2025-10-21T14:03:41Z"),
        ("12:30", "12:30"),
        ("1.2.3", "1.2.3"),
        ("2.4GHz", "2.4GHz"),
        ("+", "+"),
        ("'1'", "1"),
        ('"yes"', "yes"),
        ("!!str 1", "1"),
        ("!!int '1'", 1),
        ("089", 89.0),
    ],
)
def test_scalar(text: str, value: Any) -> None:
    loaded = yamlvalues.load(f"a: {text}\n".encode())["a"]
    assert loaded == value
    assert type(loaded) is type(value)


def test_block_scalars_keep_their_text() -> None:
    assert yamlvalues.load(b"a: |\n  1\n  yes\nb: >-\n  x\n  y\n") == {"a": "1\nyes\n", "b": "x y"}


def test_aliases_and_merge_keys() -> None:
    text = b"base: &base {a: 1, b: 2}\nmade:\n  <<: *base\n  b: 3\nsame: *base\n"
    loaded = yamlvalues.load(text)
    assert loaded["made"] == {"a": 1, "b": 3}
    assert loaded["same"] == {"a": 1, "b": 2}


def test_of_several_merged_mappings_the_first_decides() -> None:
    assert yamlvalues.load(b"<<: [{a: 1}, {a: 2, b: 2}]\n") == {"a": 1, "b": 2}


@pytest.mark.parametrize(
    "text", [b"<<: 1\n", b"? [1]\n: 2\n", b"a: !!int x\n", b"a: 1\n---\nb: 2\n", b"\x80"]
)
def test_what_json_has_no_counterpart_of_is_refused(text: bytes) -> None:
    with pytest.raises(yamlvalues.YAMLError):
        yamlvalues.load(text)


def test_empty_document_is_none() -> None:
    assert yamlvalues.load(b"# nothing\n") is None
