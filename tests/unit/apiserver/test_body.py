from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kcpcache.apimachinery import strict
from kcpcache.apiserver import body, negotiation
from kcpcache.apiserver.exchange import Request
from kcpcache.apiserver.negotiation import Accepted

AMBIGUOUS = [
    "y", "N", "yes", "on", "Off", "true", "null", "~", "", "1", "-1", "1e3", "1E+3", "0o7", "0x1F", "0b11", "017",
    "1_0", ".5", "+1", "1.", ".inf", "-.INF", ".nan", "1e999", "9" * 30, "2001-01-01", "1:30", "=", "<<", "-", "- a",
    "a: b",
    "#", "!x", "&a", "*a", "%", "@", "`", "|", ">", "[", "{", "a #b", " a", "a ", "a\nb", "\n", "\t", "\u2028", "\x85",
    "\x00", "\x7f", "\ufeff", "---", "...", "x" * 300, "a b " * 100, "😀",
]  # fmt: skip


def round_trip(document: dict[str, Any]) -> dict[str, Any]:
    """A document as our own reader, which reads as Go's does, has it after it was sent as YAML."""
    request = Request("GET", "/", {}, {})
    answer = body.respond(request, Accepted(negotiation.YAML), [json.dumps(document).encode()])
    read, _ = strict.decode_yaml(answer.body(), find_duplicates=True)
    return read


@pytest.mark.parametrize("text", AMBIGUOUS)
def test_yaml_keeps_strings_that_look_like_something_else(text: str) -> None:
    document = {"data": {"value": text, "items": [text], text: "key"}}
    assert round_trip(document) == document


def test_yaml_leaves_other_strings_plain() -> None:
    request = Request("GET", "/", {}, {})
    answer = body.respond(request, Accepted(negotiation.YAML), [b'{"kind":"ConfigMap","data":{"a":"b c"}}'])
    assert answer.body() == b"kind: ConfigMap\ndata:\n  a: b c\n"


_TEXTS = st.text(max_size=12) | st.from_regex(r"[-+.0-9eExXob_:yYnNtT~]{1,6}", fullmatch=True)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(-1e300, 1e300) | _TEXTS,
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(_TEXTS, inside, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(_TEXTS, _VALUES, max_size=4))
def test_yaml_answers_are_read_back_unchanged(document: dict[str, Any]) -> None:
    assert round_trip(document) == document
