"""Kubernetes' CEL quantity library: quantity, isQuantity, comparison and arithmetic."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

from kcpcache.apimachinery.cel.declare import (
    BOOL,
    DOUBLE,
    INT,
    MAP,
    STRING,
    Declaration,
    function,
    method,
    tagged,
    untagged,
)

_QUANTITY = re.compile(
    r"([+-]?(?:[0-9]{1,64}(?:\.[0-9]{0,64})?|\.[0-9]{1,64}))"
    r"(?:([numkMGTPE]|[KMGTPE]i)|[eE]([+-]?[0-9]{1,2}))?",
    re.ASCII,
)
_SUFFIXES = {
    **{suffix: Fraction(1000) ** power for power, suffix in enumerate("num", -3)},
    **{suffix: Fraction(1000) ** power for power, suffix in enumerate("kMGTPE", 1)},
    **{f"{suffix}i": Fraction(1024) ** power for power, suffix in enumerate("KMGTPE", 1)},
}
Tagged = dict[str, str]


def declarations() -> list[Declaration]:
    """The functions of this library."""
    found = [
        function("quantity", lambda text: _tagged(_parsed(text)), MAP, STRING),
        function("isQuantity", lambda text: _QUANTITY.fullmatch(text) is not None, BOOL, STRING),
        method("sign", lambda quantity: (_value(quantity) > 0) - (_value(quantity) < 0), INT, MAP),
        method("isInteger", lambda quantity: _value(quantity).denominator == 1, BOOL, MAP),
        method("asInteger", _as_integer, INT, MAP),
        method("asApproximateFloat", lambda quantity: float(_value(quantity)), DOUBLE, MAP),
        method("isGreaterThan", lambda first, second: _value(first) > _value(second), BOOL, MAP, MAP),
        method("isLessThan", lambda first, second: _value(first) < _value(second), BOOL, MAP, MAP),
        method("compareTo", _compare, INT, MAP, MAP),
    ]
    for other in (MAP, INT):
        found.append(method("add", lambda a, b: _tagged(_value(a) + _value(b)), MAP, MAP, other))
        found.append(method("sub", lambda a, b: _tagged(_value(a) - _value(b)), MAP, MAP, other))
    return found


def _parsed(text: str) -> Fraction:
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise ValueError(f"quantities must match the regular expression: {text!r}")
    number, suffix, exponent = match.groups()
    scale = _SUFFIXES[suffix] if suffix else Fraction(10) ** int(exponent or 0)
    return Fraction(number) * scale


def _tagged(value: Fraction) -> Tagged:
    return tagged("quantity", str(value))


def _value(quantity: Any) -> Fraction:
    if isinstance(quantity, int):
        return Fraction(quantity)
    return Fraction(untagged("quantity", quantity))


def _as_integer(quantity: Tagged) -> int:
    value = _value(quantity)
    if value.denominator != 1 or not -(2**63) <= value < 2**63:
        raise ValueError("cannot convert value to integer")
    return int(value)


def _compare(first: Tagged, second: Tagged) -> int:
    difference = _value(first) - _value(second)
    return (difference > 0) - (difference < 0)
