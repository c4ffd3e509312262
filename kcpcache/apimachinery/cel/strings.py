"""CEL's string extension library, in Python so that every result is bounded in size."""

from __future__ import annotations

import re
from typing import Any

import orjson

from kcpcache.apimachinery.cel import budget
from kcpcache.apimachinery.cel.declare import INT, LIST, STRING, Declaration, function, method

_VERB = re.compile(r"%(?:%|(?:\.(\d{1,3}))?([sdfexXob]))")
_TO_LOWER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")
_TO_UPPER = str.maketrans("abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ")


def declarations() -> list[Declaration]:
    """The functions of this library."""
    return [
        method("charAt", _char_at, STRING, STRING, INT),
        method("indexOf", _index_of, INT, STRING, STRING),
        method("indexOf", _index_of, INT, STRING, STRING, INT),
        method("lastIndexOf", _last_index_of, INT, STRING, STRING),
        method("lastIndexOf", _last_index_of, INT, STRING, STRING, INT),
        method("lowerAscii", lambda text: text.translate(_TO_LOWER), STRING, STRING),
        method("upperAscii", lambda text: text.translate(_TO_UPPER), STRING, STRING),
        method("trim", str.strip, STRING, STRING),
        method("reverse", lambda text: text[::-1], STRING, STRING),
        method("replace", _replace, STRING, STRING, STRING, STRING),
        method("replace", _replace, STRING, STRING, STRING, STRING, INT),
        method("split", _split, LIST, STRING, STRING),
        method("split", _split, LIST, STRING, STRING, INT),
        method("substring", _substring, STRING, STRING, INT),
        method("substring", _substring, STRING, STRING, INT, INT),
        method("join", _join, STRING, LIST),
        method("join", _join, STRING, LIST, STRING),
        method("format", _format, STRING, STRING, LIST),
        function("strings.quote", lambda text: budget.bounded(orjson.dumps(text).decode()), STRING, STRING),
    ]


def _char_at(text: str, index: int) -> str:
    if not 0 <= index <= len(text):
        raise ValueError(f"index out of range: {index}")
    return text[index : index + 1]


def _index_of(text: str, wanted: str, start: int = 0) -> int:
    if start < 0:
        raise ValueError(f"index out of range: {start}")
    return text.find(wanted, start)


def _last_index_of(text: str, wanted: str, start: int | None = None) -> int:
    if start is None:
        return text.rfind(wanted)
    if start < 0:
        raise ValueError(f"index out of range: {start}")
    return text.rfind(wanted, 0, start + len(wanted))


def _replace(text: str, old: str, new: str, limit: int = -1) -> str:
    occurrences = text.count(old)
    if limit >= 0:
        occurrences = min(occurrences, limit)
    if len(text) + occurrences * len(new) > budget.MAX_RESULT_CHARS:
        raise ValueError("call cost exceeds limit")
    return text.replace(old, new, limit)


def _split(text: str, separator: str, limit: int = -1) -> list[str]:
    parts = text.count(separator) if separator else len(text)
    if (parts if limit < 0 else min(parts, limit)) > budget.MAX_RESULT_ITEMS:
        raise ValueError("call cost exceeds limit")
    if limit == 0:
        return []
    if separator == "":
        return list(text) if limit < 0 else [*text[: limit - 1], text[limit - 1 :]]
    return text.split(separator, limit - 1 if limit > 0 else -1)


def _substring(text: str, start: int, end: int | None = None) -> str:
    stop = len(text) if end is None else end
    if not 0 <= start <= stop <= len(text):
        raise ValueError(f"invalid substring range. start: {start}, end: {stop}")
    return text[start:stop]


def _join(parts: list[Any], separator: str = "") -> str:
    if not all(isinstance(part, str) for part in parts):
        raise ValueError("no such overload")
    if sum(map(len, parts)) + len(separator) * len(parts) > budget.MAX_RESULT_CHARS:
        raise ValueError("call cost exceeds limit")
    return separator.join(parts)


def _format(template: str, values: list[Any]) -> str:
    remaining = iter(values)
    size = 0

    def render(match: re.Match[str]) -> str:
        nonlocal size
        if match.group(0) == "%%":
            return "%"
        try:
            value = next(remaining)
        except StopIteration:
            raise ValueError("index out of range") from None
        text = _rendered(value, match.group(2), int(match.group(1) or 6))
        size += len(text)
        if size > budget.MAX_RESULT_CHARS:
            raise ValueError("call cost exceeds limit")
        return text

    return budget.bounded(_VERB.sub(render, template))


def _rendered(value: Any, verb: str, precision: int) -> str:
    if verb == "s":
        return value if isinstance(value, str) else orjson.dumps(value, default=str).decode()
    if verb in "xX" and isinstance(value, str):
        encoded = value.encode().hex()
        return encoded.upper() if verb == "X" else encoded
    if not isinstance(value, int | float):
        raise ValueError(f"unrecognized formatting clause for {type(value).__name__}: %{verb}")
    if verb in "fe":
        return f"{value:.{precision}{verb}}"
    return format(int(value), verb)
