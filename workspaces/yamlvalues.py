"""YAML as kubectl reads it: YAML 1.1 whose dates and base-60 numbers stay text, as JSON has none.

A parser of its own on PyYAML's C events, because the stock loaders make dates of dates, and take twice as long.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import yaml
from yaml._yaml import CParser

from kcpcache.apimachinery.objects import JSONObject

_PLAIN = "plain"
_DEEPEST = 200  # levels; nothing that an API accepts is deeper


class YAMLError(Exception):
    """A text that is no YAML, or has no counterpart in JSON."""


def load(text: bytes) -> Any:
    """The value of one document, None when it is empty; YAMLError."""
    try:
        node = _Loader(text).get_single_node()
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise YAMLError(f"error parsing: {' '.join(str(error).split())}") from None
    return None if node is None else _value(node, 0)


class _Loader(CParser):
    """The C parser with next to no resolver: plain scalars are marked, and `_plain` says what they mean."""

    def __init__(self, text: bytes) -> None:
        CParser.__init__(self, text)

    def resolve(self, kind: type, value: str | None, implicit: Any) -> str:
        if kind is yaml.ScalarNode:
            return _PLAIN if implicit[0] else "tag:yaml.org,2002:str"
        return "tag:yaml.org,2002:map" if kind is yaml.MappingNode else "tag:yaml.org,2002:seq"

    def descend_resolver(self, current: Any, index: Any) -> None:
        """Paths do not matter to `resolve`."""

    def ascend_resolver(self) -> None:
        """Paths do not matter to `resolve`."""


def _value(node: yaml.Node, depth: int) -> Any:
    if depth > _DEEPEST:
        raise YAMLError(f"is nested more than {_DEEPEST} levels deep")
    if isinstance(node, yaml.ScalarNode):
        return _scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, depth + 1) for item in node.value]
    made: JSONObject = {}
    merged: JSONObject = {}
    for key_node, value_node in node.value:
        key = key_node.value
        value = _value(value_node, depth + 1)
        if not isinstance(key, str):
            raise YAMLError(f"line {key_node.start_mark.line + 1}: a key is not a string")
        if key == "<<" and key_node.tag == _PLAIN:
            merged.update(_merged(key_node, value))
            continue
        if key in made:
            raise YAMLError(f"line {key_node.start_mark.line + 1}: key {key!r} is set twice")
        made[key] = value
    return {**merged, **made} if merged else made


def _merged(key_node: yaml.Node, value: Any) -> JSONObject:
    """The mappings that ``<<`` names; of several the first one decides."""
    sources = value if isinstance(value, list) else [value]
    if not all(isinstance(source, dict) for source in sources):
        raise YAMLError(f"line {key_node.start_mark.line + 1}: << merges mappings only")
    return {key: item for source in reversed(sources) for key, item in source.items()}


_EXPLICIT: dict[str, Callable[[str], Any]] = {
    "tag:yaml.org,2002:int": lambda text: int(text, 0),
    "tag:yaml.org,2002:float": float,
    "tag:yaml.org,2002:bool": lambda text: text.lower() in ("true", "yes", "on", "y"),
    "tag:yaml.org,2002:null": lambda text: None,
}


def _scalar(node: yaml.ScalarNode) -> Any:
    if node.tag == _PLAIN:
        return _plain(node.value)
    construct = _EXPLICIT.get(node.tag)
    try:
        return construct(node.value) if construct else node.value
    except ValueError:
        raise YAMLError(f"line {node.start_mark.line + 1}: {node.value!r} is no {node.tag}") from None


def _forms(*words: str) -> list[str]:
    return [form for word in words for form in (word, word.capitalize(), word.upper())]


_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(_forms("y", "yes", "true", "on"), True),
    **dict.fromkeys(_forms("n", "no", "false", "off"), False),
}
_INTEGER = re.compile(r"[-+]?(0[xX][0-9a-fA-F_]+|0[oO]?[0-7_]+|0[bB][01_]+|[1-9][0-9_]*|0)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")


def _plain(text: str) -> Any:
    """What a scalar without quotes means to kubectl: YAML 1.1 without dates and base-60 numbers."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] in "0123456789+-.":
        if _INTEGER.fullmatch(text):
            return _integer(text.replace("_", ""))
        if _FLOAT.fullmatch(text):
            return float(text)
    return text


def _integer(text: str) -> int:
    sign = -1 if text[0] == "-" else 1
    digits = text.lstrip("+-")
    if len(digits) > 1 and digits[0] == "0" and digits[1].isdigit():
        return sign * int(digits, 8)
    return sign * int(digits, 0)
