"""Evaluates the x-kubernetes-validations rules of a schema on objects.

Source: Kubernetes, "Extend the Kubernetes API with CustomResourceDefinitions", "Validation rules" and
"Transition rules".
"""

from __future__ import annotations

import dataclasses
import re
from typing import Any

from kcpcache.apimachinery import equality, errors, field, spending, trail
from kcpcache.apimachinery.cel import budget, environment, syntax, values
from kcpcache.apimachinery.errors import Cause
from kcpcache.apimachinery.trail import Trail

RULES = "x-kubernetes-validations"
_COST_OF_AN_EVALUATION = 100_000
MAX_EVALUATIONS = spending.TOTAL // _COST_OF_AN_EVALUATION
_BUDGET = "validation failed due to running out of cost budget, no further validation rules will be run"
_OVER_LIMIT = "operation cancelled: actual cost limit exceeded"
_NO_KEY = re.compile(r'Key not found in map : "(.*)"', re.DOTALL)
_ABSENT: Any = object()


@dataclasses.dataclass(slots=True)
class _Rule:
    """One entry of x-kubernetes-validations."""

    rule: str
    program: str
    message: str
    message_expression: str
    field_path: str
    reason: str
    is_transition: bool
    optional_old_self: bool
    loops: int

    @property
    def shown(self) -> str:
        """What it says of itself: its message, or its text."""
        return self.message or errors.cut(self.rule, field.MAX_SHOWN_CHARS)


@dataclasses.dataclass(slots=True)
class _Node:
    """The rules at one place of the schema, and below it."""

    kind: str
    rules: list[_Rule]
    convert: values.Converter | None
    properties: dict[str, _Node] = dataclasses.field(default_factory=dict)
    additional: _Node | None = None
    items: _Node | None = None
    map_keys: tuple[str, ...] = ()


@dataclasses.dataclass(slots=True)
class _Run:
    """One validation: its causes, and what it may still cost."""

    base: str
    purse: spending.Purse
    causes: list[Cause] = dataclasses.field(default_factory=list)

    @property
    def is_over(self) -> bool:
        """Whether it is spent, or has found more than will be told."""
        return self.purse.left < 0 or len(self.causes) > errors.MAX_CAUSES

    def path_of(self, below: str) -> str:
        """The path of what lies at `below` in the object."""
        below = below.removeprefix(".")
        if not self.base or not below:
            return self.base or below
        return f"{self.base}{below}" if below.startswith("[") else f"{self.base}.{below}"


class Rules:
    """The validation rules of one structural schema, compiled when they are first needed."""

    def __init__(self, schema: dict[str, Any]) -> None:
        self._root = _build(schema)
        self.is_empty = self._root is None

    def validate(self, obj: Any, old_obj: Any | None = None, path: str = "") -> list[Cause]:
        """The causes why rules refuse the object; none if it may be stored.

        Args:
            obj: an object that already satisfies the schema.
            old_obj: the stored object on update; then transition rules run, and rules about values that
                did not change do not (ratcheting).
            path: where the object lies, a prefix of each cause's field.
        """
        if self._root is None:
            return []
        with spending.purse() as purse:
            run = _Run(path, purse)
            _walk(self._root, obj, _ABSENT if old_obj is None else old_obj, None, run)
        if purse.left < 0:
            run.causes.append(field.invalid(path, "object", _BUDGET))
        return run.causes


def _build(schema: dict[str, Any]) -> _Node | None:
    rules = [_parse(entry, schema) for entry in schema.get(RULES) or ()]
    items = schema.get("items")
    additional = schema.get("additionalProperties")
    properties = {name: _build(child) for name, child in (schema.get("properties") or {}).items()}
    is_map = schema.get("x-kubernetes-list-type") == "map"
    node = _Node(
        kind=schema.get("type") or "",
        rules=rules,
        convert=values.converter(schema) if rules else None,
        properties={name: child for name, child in properties.items() if child is not None},
        additional=_build(additional) if isinstance(additional, dict) else None,
        items=_build(items) if isinstance(items, dict) else None,
        map_keys=tuple(schema.get("x-kubernetes-list-map-keys") or ()) if is_map else (),
    )
    return node if rules or node.properties or node.additional or node.items else None


def _parse(entry: dict[str, Any], schema: dict[str, Any]) -> _Rule:
    rule = entry.get("rule", "")
    expression = values.with_conversions(entry.get("messageExpression", ""), schema)
    return _Rule(
        rule=rule,
        program=values.with_conversions(rule, schema),
        message=entry.get("message", ""),
        message_expression=expression,
        field_path=entry.get("fieldPath", ""),
        reason=entry.get("reason") or "FieldValueInvalid",
        is_transition=syntax.uses_old_self(rule),
        optional_old_self=bool(entry.get("optionalOldSelf")),
        loops=max(budget.loops(rule), budget.loops(expression)),
    )


def _walk(node: _Node, value: Any, old: Any, place: Trail, run: _Run) -> None:
    """Rules speak of values that are there: null is the business of the rules around it."""
    if value is None or run.is_over:
        return
    old = _ABSENT if old is None else old
    if node.rules:
        _evaluate_all(node, value, old, place, run)
    if isinstance(value, dict) and (node.properties or node.additional):
        _walk_object(node, value, old if isinstance(old, dict) else {}, place, run)
    elif isinstance(value, list) and node.items:
        olds = _by_key(old, node.map_keys)
        for index, item in enumerate(value):
            before = olds.get(_key(item, node.map_keys), _ABSENT) if olds else _ABSENT
            _walk(node.items, item, before, (place, index), run)


def _walk_object(node: _Node, value: dict[str, Any], old: dict[str, Any], place: Trail, run: _Run) -> None:
    for name, child in node.properties.items():
        if name in value:
            _walk(child, value[name], old.get(name, _ABSENT), (place, name), run)
    if node.additional is not None:
        for name, item in value.items():
            _walk(node.additional, item, old.get(name, _ABSENT), (place, (name,)), run)


def _key(item: Any, names: tuple[str, ...]) -> Any:
    if not names or not isinstance(item, dict):
        return None
    return tuple(repr(item.get(name)) for name in names)


def _by_key(old: Any, names: tuple[str, ...]) -> dict[Any, Any]:
    """The old items of a list of type map; items of other lists have no identity over time."""
    if not names or not isinstance(old, list):
        return {}
    return {_key(item, names): item for item in old if isinstance(item, dict)}


def _evaluate_all(node: _Node, value: Any, old: Any, place: Trail, run: _Run) -> None:
    unchanged = old is not _ABSENT and equality.is_equal(old, value)
    convert = node.convert or _unchanged
    self_value = convert(value)
    old_value = _ABSENT if old is _ABSENT else convert(old)
    seen = [value] if old is _ABSENT else [value, old]
    for rule in node.rules:
        if rule.is_transition:
            if old is _ABSENT and not rule.optional_old_self:
                continue
        elif unchanged:
            continue
        cost = budget.cost(seen, rule.loops)
        if not run.purse.pay(_COST_OF_AN_EVALUATION + cost) or run.is_over:
            return
        if cost > budget.MAX_COST:
            failure: str | None = f"call cost exceeds limit for rule: {rule.shown}"
        else:
            failure = _failure(rule, self_value, old_value)
        if failure is not None:
            where = f"{trail.rendered(place)}{rule.field_path}"
            run.causes.append(_cause(rule.reason, node.kind, run.path_of(where), failure))


def _unchanged(value: Any) -> Any:
    return value


def _failure(rule: _Rule, value: Any, old: Any) -> str | None:
    """Why the rule refuses the value; None if it holds."""
    try:
        result = _evaluate(rule.program, "BOOL", rule.optional_old_self, value, old)
    except environment.ExpressionError as error:
        return f"{error} evaluating rule: {rule.shown}"
    if result is True:
        return None
    if result is not False:
        return f"no such overload evaluating rule: {rule.shown}"
    return _message(rule, value, old)


def _message(rule: _Rule, value: Any, old: Any) -> str:
    if rule.message_expression:
        optional = rule.optional_old_self and syntax.uses_old_self(rule.message_expression)
        try:
            text = _evaluate(rule.message_expression, "STRING", optional, value, old)
        except environment.ExpressionError:
            text = ""
        # Kubernetes falls back to `message` if the expression fails or gives nothing printable.
        if isinstance(text, str) and text.strip() and "\n" not in text:
            return text[:5120]
    return rule.message or f"failed rule: {rule.shown}"


def _evaluate(expression: str, result: str, optional_old_self: bool, value: Any, old: Any) -> Any:
    program = environment.compile_expression(expression, result, optional_old_self=optional_old_self)
    variables = {"self": value}
    if optional_old_self:
        variables["old__"] = [] if old is _ABSENT else [old]
    else:
        variables["oldSelf"] = None if old is _ABSENT else old
    try:
        answer = program.eval(data=variables)
        kind, plain = answer.type().name(), answer.plain_value()
    except MemoryError as error:
        raise environment.ExpressionError(_OVER_LIMIT) from error
    except (RuntimeError, ValueError, TypeError, OverflowError) as error:
        raise environment.ExpressionError(_reworded(str(error))) from error
    if kind == "ERROR":
        raise environment.ExpressionError(_reworded(str(plain)))
    return plain


def _reworded(text: str) -> str:
    """The evaluator's error in the words of Kubernetes' evaluator."""
    if match := _NO_KEY.search(text):
        return f"no such key: {match.group(1)}"
    if "Iteration budget" in text or "call cost" in text:
        return _OVER_LIMIT
    if "No matching overloads" in text:
        return "no such overload"
    return text.split(": ", 1)[-1][:1000]


def _cause(reason: str, kind: str, where: str, message: str) -> Cause:
    if reason == "FieldValueForbidden":
        return field.forbidden(where, message)
    if reason == "FieldValueRequired":
        return field.required(where, message)
    if reason == "FieldValueDuplicate":
        return field.duplicate(where, kind)
    return field.invalid(where, kind, message)
