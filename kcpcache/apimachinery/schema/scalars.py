"""Compiles what a schema says about strings and numbers."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

from kcpcache.apimachinery import field
from kcpcache.apimachinery.errors import cut
from kcpcache.apimachinery.schema import failures, formats, patterns
from kcpcache.apimachinery.schema.failures import Check, Failure, Failures


def string_checks(schema: dict[str, Any], *, go_times: bool = False) -> list[Check]:
    """The checks of a string: length in code points, pattern, format (see `formats.check`)."""
    checks: list[Check] = []
    if (most := schema.get("maxLength")) is not None:
        checks.append(_max_length(most))
    if (least := schema.get("minLength")) is not None:
        checks.append(_min_length(least))
    if pattern := schema.get("pattern"):
        checks.append(_pattern(pattern))
    if matches := formats.check(schema.get("format") or "", go_times=go_times):
        checks.append(_format(schema["format"], matches))
    return checks


def number_checks(schema: dict[str, Any]) -> list[Check]:
    """The checks of an integer or a float: bounds, multipleOf, and the range of the format."""
    checks: list[Check] = []
    if (most := schema.get("maximum")) is not None:
        checks.append(_maximum(most, exclusive=bool(schema.get("exclusiveMaximum"))))
    if (least := schema.get("minimum")) is not None:
        checks.append(_minimum(least, exclusive=bool(schema.get("exclusiveMinimum"))))
    if step := schema.get("multipleOf"):
        checks.append(_multiple_of(step))
    if schema.get("type") == "integer":
        name = schema.get("format") or "int64"
        if bounds := formats.integer_range(name):
            checks.append(_range(name, *bounds))
    return checks


def enum_check(allowed: list[Any]) -> Check:
    """The check that a value is one of those listed; a number is never equal to a boolean."""
    quoted = field.listed(
        f'"{value}"' if isinstance(value, str) else _quoted_json(value) for value in allowed
    )
    keys = frozenset(identity(value) for value in allowed)

    def check(value: Any) -> Failures | None:
        if identity(value) in keys:
            return None
        shown = field.shown(value)
        message = f"Unsupported value: {shown}: supported values: {quoted}"
        return [Failure("FieldValueNotSupported", message)]

    return check


def _quoted_json(value: Any) -> str:
    return field.shown(field.shown(value))


def identity(value: Any) -> Any:
    """A hashable that is equal for equal JSON values, and for no others."""
    if type(value) is str:
        return value
    return _Identity(value)


class _Identity:
    """JSON equality of numbers, booleans, null, lists and objects."""

    __slots__ = ("key",)

    def __init__(self, value: Any) -> None:
        self.key = _frozen(value)

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Identity) and self.key == other.key


def _frozen(value: Any) -> Any:
    if isinstance(value, dict):
        return "{", frozenset((name, _frozen(item)) for name, item in value.items())
    if isinstance(value, list):
        return "[", tuple(map(_frozen, value))
    return (type(value) is bool, value)


def _max_length(most: int) -> Check:
    def check(value: str) -> Failures | None:
        if len(value) <= most:
            return None
        return [Failure("FieldValueTooLong", f"Too long: may not be more than {most} bytes")]

    return check


def _min_length(least: int) -> Check:
    rule = f"should be at least {least} chars long"
    return lambda value: None if len(value) >= least else failures.invalid(value, rule)


def _pattern(pattern: str) -> Check:
    occurs = patterns.compiled(pattern).occurs
    rule = f"should match '{cut(pattern, field.MAX_SHOWN_CHARS)}'"
    return lambda value: None if occurs(value) else failures.invalid(value, rule)


def _format(name: str, matches: formats.Check) -> Check:
    def check(value: str) -> Failures | None:
        if matches(value):
            return None
        shown = field.shown(value)
        rule = f" in body must be of type {name}: {shown}"
        return [Failure("FieldValueTypeInvalid", f"Invalid value: {shown}: ", rule)]

    return check


def _maximum(most: float, *, exclusive: bool) -> Check:
    if exclusive:
        return lambda value: None if value < most else failures.invalid(value, f"should be less than {most}")
    rule = f"should be less than or equal to {most}"
    return lambda value: None if value <= most else failures.invalid(value, rule)


def _minimum(least: float, *, exclusive: bool) -> Check:
    if exclusive:
        rule = f"should be greater than {least}"
        return lambda value: None if value > least else failures.invalid(value, rule)
    rule = f"should be greater than or equal to {least}"
    return lambda value: None if value >= least else failures.invalid(value, rule)


def _multiple_of(step: float) -> Check:
    rule = f"should be a multiple of {step}"
    exact_step = Fraction(str(step))

    def check(value: float) -> Failures | None:
        is_multiple = math.isfinite(value) and (Fraction(str(value)) / exact_step).denominator == 1
        return None if is_multiple else failures.invalid(value, rule)

    return check


def _range(name: str, least: int, most: int) -> Check:
    wanted = "integer" if name == "int64" else name

    def check(value: float) -> Failures | None:
        return None if least <= value <= most else failures.type_invalid("number", wanted)

    return check
