"""Kubernetes' CEL regular expression library: find, findAll. Linear time, as in Go."""

from __future__ import annotations

import re2

from kcpcache.apimachinery.cel import budget
from kcpcache.apimachinery.cel.declare import INT, LIST, STRING, Declaration, method


def declarations() -> list[Declaration]:
    """The functions of this library."""
    return [
        method("find", _find, STRING, STRING, STRING),
        method("findAll", _find_all, LIST, STRING, STRING),
        method("findAll", _find_all, LIST, STRING, STRING, INT),
    ]


def _find(text: str, pattern: str) -> str:
    match = _compiled(pattern).search(text)
    return match.group(0) if match else ""


def _find_all(text: str, pattern: str, limit: int = -1) -> list[str]:
    found: list[str] = []
    for match in _compiled(pattern).finditer(text):
        if 0 <= limit <= len(found):
            break
        if len(found) >= budget.MAX_RESULT_ITEMS:
            raise ValueError("call cost exceeds limit")
        found.append(match.group(0))
    return found


def _compiled(pattern: str) -> re2._Regexp:
    try:
        return re2.compile(pattern)
    except re2.error as error:
        raise ValueError(f"Illegal regex: {error}") from error
