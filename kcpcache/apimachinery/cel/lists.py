"""Kubernetes' CEL list library: isSorted, sum, min, max, indexOf, lastIndexOf."""

from __future__ import annotations

import itertools
from typing import Any

from kcpcache.apimachinery.cel.declare import ANYTHING, BOOL, DYN, INT, LIST, Declaration, method


def declarations() -> list[Declaration]:
    """The functions of this library."""
    found = [
        method("isSorted", _is_sorted, BOOL, LIST),
        method("sum", _sum, DYN, LIST),
        method("min", _least, DYN, LIST),
        method("max", _greatest, DYN, LIST),
    ]
    for wanted in ANYTHING:
        found.append(method("indexOf", _index_of, INT, LIST, wanted))
        found.append(method("lastIndexOf", _last_index_of, INT, LIST, wanted))
    return found


def _is_sorted(values: list[Any]) -> bool:
    return all(first <= second for first, second in itertools.pairwise(values))


def _sum(values: list[Any]) -> Any:
    return sum(values[1:], values[0]) if values and not isinstance(values[0], str) else sum(values)


def _least(values: list[Any]) -> Any:
    if not values:
        raise ValueError("min called on empty list")
    return min(values)


def _greatest(values: list[Any]) -> Any:
    if not values:
        raise ValueError("max called on empty list")
    return max(values)


def _index_of(values: list[Any], wanted: Any) -> int:
    return next((index for index, value in enumerate(values) if _same(value, wanted)), -1)


def _last_index_of(values: list[Any], wanted: Any) -> int:
    return next((len(values) - 1 - i for i, value in enumerate(reversed(values)) if _same(value, wanted)), -1)


def _same(first: Any, second: Any) -> bool:
    return isinstance(first, bool) == isinstance(second, bool) and bool(first == second)
