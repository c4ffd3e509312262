"""Label selectors: compiled once, matched against many objects.

Two spellings make the same `Selector`: the query form (``a=b,c in (x,y),!d``), which `labelparser` reads,
and metav1.LabelSelector. Semantics as k8s.io/apimachinery/pkg/labels: ``!=`` and ``notin`` also match
objects without the label.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from kcpcache.apimachinery import errors, field, labelparser, names, objectmeta
from kcpcache.apimachinery.errors import Cause

Matcher: TypeAlias = Callable[[Mapping[str, str]], bool]

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1

_BY_LABEL_SELECTOR_OPERATOR = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "!"}


@dataclass(frozen=True, slots=True)
class Requirement:
    """One term of a selector.

    `operator` is one of ``=``, ``==``, ``!=``, ``in``, ``notin``, ``exists``, ``!``, ``gt``, ``lt``;
    `values` are sorted.
    """

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.operator == "exists":
            return self.key
        if self.operator == "!":
            return f"!{self.key}"
        if self.operator in ("in", "notin"):
            return f"{self.key} {self.operator} ({','.join(self.values)})"
        sign = {"gt": ">", "lt": "<"}.get(self.operator, self.operator)
        return f"{self.key}{sign}{self.values[0]}"


class Selector:
    """A conjunction of requirements; `matches(labels)` is a compiled function."""

    __slots__ = ("is_everything", "matches", "requirements")

    def __init__(self, requirements: Iterable[Requirement] = ()) -> None:
        self.requirements = tuple(sorted(requirements, key=lambda requirement: requirement.key))
        self.is_everything = not self.requirements
        self.matches: Matcher = _compiled(self.requirements)

    def __str__(self) -> str:
        return ",".join(map(str, self.requirements))

    def __repr__(self) -> str:
        return f"Selector({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Selector) and self.requirements == other.requirements

    def __hash__(self) -> int:
        return hash(self.requirements)


class _BadRequirement(errors.BadRequest):
    """A term that is well-formed and breaks a rule of labels."""


def requirement(key: str, operator: str, values: Iterable[str] = ()) -> Requirement:
    """A checked requirement.

    Raises:
        BadRequest: a bad key or value, or a number of values that the operator does not take.
    """
    ordered = tuple(sorted(set(values)))
    causes = []
    if found := names.label_key(key):
        causes.append(field.invalid("key", key, "; ".join(found)))
    causes += _count_causes(operator, ordered)
    for index, value in enumerate(ordered):
        value_path = f"values[{index}]"
        if operator in ("gt", "lt") and not _is_int64(value):
            detail = "for 'Gt', 'Lt' operators, the value must be an integer"
            causes.append(field.invalid(value_path, value, detail))
        if found := names.label_value(value):
            causes.append(field.invalid(f"{value_path}[{key}]", value, "; ".join(found)))
    if causes:
        raise _BadRequirement(", ".join(f"{cause.field}: {cause.message}" for cause in causes))
    return Requirement(key, operator, ordered)


def parse(text: str) -> Selector:
    """The selector of the query form (``labelSelector=``); empty text selects everything.

    Raises:
        BadRequest: worded as Kubernetes words it.
    """
    try:
        return Selector(requirement(*term) for term in labelparser.terms(text))
    except _BadRequirement as error:
        raise errors.BadRequest(f"unable to parse requirement: {error.message}") from error


def from_label_selector(selector: Mapping[str, Any] | None) -> Selector:
    """The selector of a metav1.LabelSelector; None and an empty one select everything.

    Raises:
        Invalid: what `validate_label_selector` finds.
    """
    if not selector:
        return EVERYTHING
    if causes := validate_label_selector(selector, "labelSelector"):
        raise errors.invalid("", "LabelSelector", "", causes)
    found = [Requirement(key, "=", (value,)) for key, value in (selector.get("matchLabels") or {}).items()]
    for expression in selector.get("matchExpressions") or []:
        operator = _BY_LABEL_SELECTOR_OPERATOR[expression["operator"]]
        found.append(
            Requirement(expression["key"], operator, tuple(sorted(set(expression.get("values") or []))))
        )
    return Selector(found)


def validate_label_selector(selector: Any, path: str) -> list[Cause]:
    """What is wrong with a metav1.LabelSelector at `path`; an unknown field is wrong, never ignored."""
    if selector is None:
        return []
    if not isinstance(selector, Mapping):
        return [field.type_invalid(path, selector, "must be an object")]
    causes = [
        field.invalid(f"{path}.{name}", name, "unknown field")
        for name in selector
        if name not in ("matchLabels", "matchExpressions")
    ]
    match_labels = selector.get("matchLabels") or {}
    if not isinstance(match_labels, Mapping) or not all(
        isinstance(value, str) for value in match_labels.values()
    ):
        causes.append(field.type_invalid(f"{path}.matchLabels", match_labels, "must be a map of strings"))
    else:
        causes += objectmeta.label_causes(dict(match_labels), f"{path}.matchLabels")
    expressions = selector.get("matchExpressions") or []
    if not isinstance(expressions, list):
        return [*causes, field.type_invalid(f"{path}.matchExpressions", expressions, "must be an array")]
    for index, expression in enumerate(expressions):
        causes += _expression_causes(expression, f"{path}.matchExpressions[{index}]")
    return causes


def _expression_causes(expression: Any, path: str) -> list[Cause]:
    if not isinstance(expression, Mapping):
        return [field.type_invalid(path, expression, "must be an object")]
    key, operator, values = expression.get("key"), expression.get("operator"), expression.get("values") or []
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        return [field.type_invalid(f"{path}.values", values, "must be an array of strings")]
    causes = [
        field.invalid(f"{path}.{name}", name, "unknown field")
        for name in expression
        if name not in ("key", "operator", "values")
    ]
    if operator in ("In", "NotIn"):
        if not values:
            detail = "must be specified when `operator` is 'In' or 'NotIn'"
            causes.append(field.required(f"{path}.values", detail))
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            causes.append(field.forbidden(f"{path}.values", detail))
    else:
        causes.append(field.invalid(f"{path}.operator", operator, "not a valid selector operator"))
    if not isinstance(key, str):
        causes.append(field.required(f"{path}.key"))
    else:
        causes += [field.invalid(f"{path}.key", key, message) for message in names.label_key(key)]
    for index, value in enumerate(values):
        causes += [
            field.invalid(f"{path}.values[{index}]", value, message) for message in names.label_value(value)
        ]
    return causes


def _count_causes(operator: str, values: tuple[str, ...]) -> list[Cause]:
    if operator in ("in", "notin"):
        wrong, detail = not values, "for 'in', 'notin' operators, values set can't be empty"
    elif operator in ("exists", "!"):
        wrong, detail = bool(values), "values set must be empty for exists and does not exist"
    elif operator in ("gt", "lt"):
        wrong, detail = len(values) != 1, "for 'Gt', 'Lt' operators, exactly one value is required"
    else:
        wrong, detail = len(values) != 1, "exact-match compatibility requires one single value"
    return [field.invalid("values", list(values), detail)] if wrong else []


def _is_int64(value: str) -> bool:
    digits = value[1:] if value[:1] in ("-", "+") else value
    return digits.isascii() and digits.isdigit() and len(digits) < 20 and INT64_MIN <= int(value) <= INT64_MAX


def _compiled(requirements: tuple[Requirement, ...]) -> Matcher:
    if not requirements:
        return lambda labels: True
    matchers = [_matcher(requirement) for requirement in requirements]
    if len(matchers) == 1:
        return matchers[0]
    if len(matchers) == 2:
        first, second = matchers
        return lambda labels: first(labels) and second(labels)
    return lambda labels: all(matcher(labels) for matcher in matchers)


def _matcher(requirement: Requirement) -> Matcher:
    key, values = requirement.key, frozenset(requirement.values)
    match requirement.operator:
        case "=" | "==":
            wanted = requirement.values[0]
            return lambda labels: labels.get(key) == wanted
        case "in":
            return lambda labels: labels.get(key) in values
        case "!=" | "notin":
            return lambda labels: labels.get(key) not in values
        case "exists":
            return lambda labels: key in labels
        case "!":
            return lambda labels: key not in labels
        case "gt":
            return _number_matcher(key, operator.lt, int(requirement.values[0]))
        case _:
            return _number_matcher(key, operator.gt, int(requirement.values[0]))


def _number_matcher(key: str, compare: Callable[[int, int], bool], bound: int) -> Matcher:
    def matches(labels: Mapping[str, str]) -> bool:
        value = labels.get(key)
        return value is not None and _is_int64(value) and compare(bound, int(value))

    return matches


EVERYTHING = Selector()
