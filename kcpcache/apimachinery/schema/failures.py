"""What a compiled check reports, before its place in the object is known.

A check that passes builds nothing. One that fails reports a path below itself, and each enclosing check
puts its own step before it; so a valid object costs no path at all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

from kcpcache.apimachinery import errors, field, trail
from kcpcache.apimachinery.errors import Cause


class Failure:
    """One reason, its message in two halves around the path of the value."""

    __slots__ = ("after", "before", "names_path", "path", "reason")

    def __init__(
        self, reason: str, before: str, after: str = "", *, path: str = "", names_path: bool = True
    ) -> None:
        self.reason = reason
        self.before = before
        self.after = after
        self.path = path
        self.names_path = names_path

    def cause(self, base: str) -> Cause:
        """The finished cause, for an object that lies at `base`."""
        path = f"{base}{self.path}" if base else self.path.removeprefix(".")
        if not self.after:
            return Cause(path, self.reason, self.before)
        # Kubernetes gives the failures of oneOf, anyOf, allOf and not no field of their own.
        where = path if self.names_path else base or "<nil>"
        return Cause(where, self.reason, f"{self.before}{path}{self.after}")


MAX_FAILURES = errors.MAX_CAUSES + 1  # one more than is told, so that it can be told that there are more

Failures: TypeAlias = list[Failure]
Check: TypeAlias = Callable[[Any], "Failures | None"]


class Compiled(NamedTuple):
    """A compiled schema: what checks any value, and short cuts by type for containers, where time goes.

    `plain` is a type of which nothing more is asked, so that such values need no call; values of the type
    `usual` may go to `usual_check`, which does not look at the type again.
    """

    plain: type | None
    usual: type | None
    usual_check: Check
    check: Check


def below(step: str, failures: Failures) -> Failures:
    """The same failures, seen from one step further up (``.name`` or ``[3]``)."""
    step = step[: trail.MAX_NAME_CHARS]
    for failure in failures:
        failure.path = step + failure.path
    return failures


def joined(earlier: Failures | None, step: str, added: Failures) -> Failures:
    """What was found before, and the failures found one step below."""
    below(step, added)
    if earlier is None:
        return added
    earlier += added
    return earlier


def invalid(value: Any, rule: str) -> Failures:
    """`Invalid value: "x": spec.a in body should be ...`."""
    return [Failure("FieldValueInvalid", f"Invalid value: {field.shown(value)}: ", f" in body {rule}")]


def type_invalid(found: str, wanted: str) -> Failures:
    """`Invalid value: "string": spec.a in body must be of type integer: "string"`."""
    rule = f' in body must be of type {wanted}: "{found}"'
    return [Failure("FieldValueTypeInvalid", f'Invalid value: "{found}": ', rule)]


def combined(rule: str) -> Failures:
    """`Invalid value: "": "spec.a" must validate one and only one schema (oneOf). ...`."""
    return [Failure("FieldValueInvalid", 'Invalid value: "": "', f'" {rule}', names_path=False)]
