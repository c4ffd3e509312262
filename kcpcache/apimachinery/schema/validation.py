"""Validates objects against a structural schema, worded as kube-apiserver words it.

A schema is compiled once into closures, one lookup by JSON type per value. Source: k8s.io/kube-openapi,
pkg/validation, and k8s.io/apiextensions-apiserver, pkg/apiserver/validation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kcpcache.apimachinery import field, spending
from kcpcache.apimachinery.errors import Cause
from kcpcache.apimachinery.schema import containers, failures, scalars
from kcpcache.apimachinery.schema.failures import Check, Compiled, Failures

_NULL = type(None)
_INTEGER_LIMIT = 2.0**53
_JSON_TYPES = (dict, list, str, bool, int, float, _NULL)
_PYTHON_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int, float),
    "number": (int, float),
}


_BUDGET = "validation failed due to running out of cost budget"
_COST_OF_A_PART = 200  # of allOf and its like: each looks at the whole value once more


class Validator:
    """A compiled schema.

    Args:
        schema: as in `openAPIV3Schema`, already accepted by `structural.structural_causes`; it is read
            once and may change afterwards.
        shared: checks already compiled, by the identity of their schemas; given when several validators
            are made of parts of one schema that lives as long as they do.
        go_times: timestamps must be what Go reads, as in built-in kinds.
    """

    def __init__(
        self, schema: dict[str, Any], *, shared: dict[int, Compiled] | None = None, go_times: bool = False
    ) -> None:
        self._check = _Compiler({} if shared is None else shared, go_times=go_times).compile(schema).check

    def validate(self, obj: Any, *, path: str = "") -> list[Cause]:
        """Why the object is refused; at most `failures.MAX_FAILURES`, none if it is valid.

        Args:
            obj: a JSON value.
            path: where it lies, a prefix of each cause's field.
        """
        with spending.purse():
            try:
                failed = self._check(obj)
            except spending.Exhausted as exhausted:
                return [field.invalid(path, "object", f"{_BUDGET}: {exhausted}")]
        return [failure.cause(path) for failure in failed[: failures.MAX_FAILURES]] if failed else []


class _Compiler:
    """Compiles schemas, each once."""

    def __init__(self, compiled: dict[int, Compiled], *, go_times: bool) -> None:
        self._compiled = compiled
        self._go_times = go_times

    def compile(self, schema: dict[str, Any]) -> Compiled:
        """The check of one schema: by the type of the value, what has to be asked of it."""
        known = self._compiled.get(id(schema))
        if known is None:
            known = self._compiled[id(schema)] = self._new_check(schema)
        return known

    def _new_check(self, schema: dict[str, Any]) -> Compiled:
        shared = self._shared_checks(schema)
        by_type = {kind: (*checks, *shared) for kind, checks in self._typed_checks(schema).items()}
        if len(by_type) == len(_JSON_TYPES) and not any(by_type.values()):
            return Compiled(None, None, _nothing, _nothing)
        wanted = "integer,string" if schema.get("x-kubernetes-int-or-string") else schema.get("type") or ""

        by_type_check = {kind: _joined(checks) for kind, checks in by_type.items()}

        def check(value: Any) -> Failures | None:
            typed = by_type_check.get(type(value))
            if typed is not None:
                return typed(value)
            found = failures.type_invalid(containers.json_type(value), wanted)
            return [*found, *(_joined(shared)(value) or ())] if value is not None else found

        plain = next((kind for kind, checks in by_type.items() if not checks), None)
        usual = next((kind for kind, checks in by_type.items() if checks), None)
        return Compiled(plain, usual, by_type_check[usual] if usual else check, check)

    def _typed_checks(self, schema: dict[str, Any]) -> dict[type, list[Check]]:
        """For each accepted type the checks that only make sense for it."""
        int_or_string = bool(schema.get("x-kubernetes-int-or-string"))
        if int_or_string:
            accepted: tuple[type, ...] = (int, float, str)
        else:
            accepted = _PYTHON_TYPES.get(schema.get("type") or "", _JSON_TYPES)
        numbers = scalars.number_checks(schema)
        makers: dict[type, Callable[[], list[Check]]] = {
            dict: lambda: containers.object_checks(schema, self.compile),
            list: lambda: containers.list_checks(schema, self.compile),
            str: lambda: scalars.string_checks(schema, go_times=self._go_times),
            int: lambda: numbers,
            float: lambda: numbers,
        }
        found = {kind: makers[kind]() if kind in makers else [] for kind in accepted}
        if int_or_string or schema.get("type") == "integer":
            found[float] = [_whole, *numbers]
        if schema.get("nullable"):
            found[_NULL] = []
        return found

    def _shared_checks(self, schema: dict[str, Any]) -> tuple[Check, ...]:
        """The checks that values of every type undergo."""
        checks: list[Check] = []
        for keyword, combine in (("allOf", _all_of), ("anyOf", _any_of), ("oneOf", _one_of)):
            if parts := schema.get(keyword):
                checks.append(
                    _paid(combine([self.compile(part).check for part in parts]), len(parts), keyword)
                )
        if isinstance(schema.get("not"), dict):
            checks.append(_not(self.compile(schema["not"]).check))
        if schema.get("enum") is not None:
            checks.append(scalars.enum_check(schema["enum"]))
        return tuple(checks)


def _nothing(value: Any) -> Failures | None:
    return None


def _joined(checks: tuple[Check, ...]) -> Check:
    """One check that makes all of them."""
    if len(checks) <= 1:
        return checks[0] if checks else _nothing

    def check(value: Any) -> Failures | None:
        found: Failures | None = None
        for part in checks:
            if failed := part(value):
                found = failed if found is None else found + failed
                if len(found) >= failures.MAX_FAILURES:
                    break
        return found

    return check


def _whole(value: float) -> Failures | None:
    """A float counts as an integer if it is one: Kubernetes reads JSON's 1.0 so."""
    if value.is_integer() and abs(value) <= _INTEGER_LIMIT:
        return None
    return failures.type_invalid("number", "integer")


def _paid(check: Check, parts: int, keyword: str) -> Check:
    """The check of so many parts, each of which looks at the value once more."""

    def paid(value: Any) -> Failures | None:
        size = 1 + len(value) if isinstance(value, (dict, list)) else 1
        if not spending.pay(_COST_OF_A_PART * parts * size):
            raise spending.Exhausted(f"{keyword} with {parts} parts is too costly for this object")
        return check(value)

    return paid


def _all_of(parts: list[Check]) -> Check:
    def check(value: Any) -> Failures | None:
        failed: Failures = []
        count = 0
        for part in parts:
            if found := part(value):
                count += 1
                failed += found
                if len(failed) >= failures.MAX_FAILURES:
                    break
        if not failed:
            return None
        detail = ". None validated" if count == len(parts) else ""
        return [*failures.combined(f"must validate all the schemas (allOf){detail}"), *failed]

    return check


def _any_of(parts: list[Check]) -> Check:
    def check(value: Any) -> Failures | None:
        best: Failures | None = None
        for part in parts:
            failed = part(value)
            if not failed:
                return None
            if best is None or len(failed) < len(best):
                best = failed
        return [*failures.combined("must validate at least one schema (anyOf)"), *(best or ())]

    return check


def _one_of(parts: list[Check]) -> Check:
    rule = "must validate one and only one schema (oneOf). Found"

    def check(value: Any) -> Failures | None:
        best: Failures | None = None
        valid = 0
        for part in parts:
            failed = part(value)
            if not failed:
                valid += 1
            elif best is None or len(failed) < len(best):
                best = failed
        if valid == 1:
            return None
        if valid:
            return failures.combined(f"{rule} {valid} valid alternatives")
        return [*failures.combined(f"{rule} none valid"), *(best or ())]

    return check


def _not(part: Check) -> Check:
    def check(value: Any) -> Failures | None:
        return None if part(value) else failures.combined("must not validate the schema (not)")

    return check
