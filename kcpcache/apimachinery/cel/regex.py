"""Regular expressions of CEL, in linear time as in Go: find and findAll of Kubernetes' library, and `matches`.

Linear time may still be seconds, so each is paid what it may cost. The evaluator's own `matches` could not be, so
expressions are compiled with ours in its place (see `environment`).
"""

from __future__ import annotations

import re2

from kcpcache.apimachinery import spending
from kcpcache.apimachinery.cel import budget
from kcpcache.apimachinery.cel.declare import BOOL, INT, LIST, STRING, Declaration, function, method

MATCHES = "matches__"
_MAX_MEMORY_BYTES = 2 << 20
_COMPILING_CHARS = 25  # to compile a program costs about as much as to hold it against so many


def declarations() -> list[Declaration]:
    """The functions of this library."""
    return [
        method(MATCHES, _matches, BOOL, STRING, STRING),
        function(MATCHES, _matches, BOOL, STRING, STRING),
        method("find", _find, STRING, STRING, STRING),
        method("findAll", _find_all, LIST, STRING, STRING),
        method("findAll", _find_all, LIST, STRING, STRING, INT),
    ]


def _matches(text: str, pattern: str) -> bool:
    return _compiled(pattern, text).search(text) is not None


def _find(text: str, pattern: str) -> str:
    match = _compiled(pattern, text).search(text)
    return match.group(0) if match else ""


def _find_all(text: str, pattern: str, limit: int = -1) -> list[str]:
    found: list[str] = []
    for match in _compiled(pattern, text).finditer(text):
        if 0 <= limit <= len(found):
            break
        if len(found) >= budget.MAX_RESULT_ITEMS:
            raise ValueError("call cost exceeds limit")
        found.append(match.group(0))
    return found


def _compiled(pattern: str, text: str) -> re2._Regexp:
    """The expression, once it is paid what it may cost to search the text for it."""
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MAX_MEMORY_BYTES
    try:
        compiled = re2.compile(pattern, options)
    except re2.error as error:
        raise ValueError(f"Illegal regex: {error}") from error
    if not spending.pay(budget.COST_OF_A_STEP * compiled.programsize * (len(text) + _COMPILING_CHARS)):
        raise ValueError("call cost exceeds limit")
    return compiled
