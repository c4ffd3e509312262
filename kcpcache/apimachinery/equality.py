"""Equality of JSON values, which Python's own is not: to Python `True` is 1 and `False` is 0."""

from __future__ import annotations

from typing import Any


def is_equal(left: Any, right: Any) -> bool:
    """Whether two JSON values are the same to whoever reads them.

    A boolean is no number; 1 and 1.0 are the same number, as for kube-apiserver, which stores both as 1.
    """
    # What Python tells apart is different, and it finds that out quickly; the rest is looked at once more.
    return bool(left == right) and _is_alike(left, right)


def _is_alike(left: Any, right: Any) -> bool:
    """Whether two values that Python holds for equal have booleans in the same places."""
    if type(left) is dict:
        return all(_is_alike(item, right[name]) for name, item in left.items())
    if type(left) is list:
        return all(map(_is_alike, left, right))
    return (type(left) is bool) is (type(right) is bool)
