"""Checks an x-kubernetes-validations rule when its schema is written."""

from __future__ import annotations

from typing import Any

from kcpcache.apimachinery import field
from kcpcache.apimachinery.cel import budget, environment, syntax
from kcpcache.apimachinery.errors import Cause

_REASONS = ("FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired")


def compile_causes(rule: dict[str, Any], path: str = "") -> list[Cause]:
    """Why a rule cannot be accepted: it does not compile, or its other fields make no sense.

    Args:
        rule: an entry of x-kubernetes-validations.
        path: the entry's place in the schema, such as ``openAPIV3Schema.x-kubernetes-validations[0]``.
    """
    prefix = f"{path}." if path else ""
    expression = rule.get("rule")
    if not isinstance(expression, str) or not expression.strip():
        return [field.required(f"{prefix}rule", "rule is not specified")]
    malformed = [
        field.type_invalid(f"{prefix}{name}", rule[name], "must be a string")
        for name in ("message", "messageExpression", "fieldPath", "reason")
        if not isinstance(rule.get(name, ""), str)
    ]
    return malformed or [
        *_expression_causes(rule, expression, prefix),
        *_message_causes(rule, prefix),
        *_reason_causes(rule, prefix),
    ]


def _expression_causes(rule: dict[str, Any], expression: str, prefix: str) -> list[Cause]:
    # First: what else is asked of its text takes more than linear time at worst.
    too_long = [
        field.invalid(f"{prefix}{name}", rule[name][:200], "estimated rule cost exceeds budget")
        for name in ("rule", "messageExpression")
        if len(rule.get(name, "")) > budget.MAX_EXPRESSION_CHARS
    ]
    if too_long:
        return too_long
    optional = rule.get("optionalOldSelf")
    if optional is not None and not syntax.uses_old_self(expression):
        detail = "may not be set if oldSelf is not used in rule"
        return [field.invalid(f"{prefix}optionalOldSelf", optional, detail)]
    causes = _compiled(f"{prefix}rule", expression, "BOOL", optional=bool(optional))
    message_expression = rule.get("messageExpression", "")
    if message_expression:
        in_message = bool(optional) and syntax.uses_old_self(message_expression)
        causes += _compiled(f"{prefix}messageExpression", message_expression, "STRING", optional=in_message)
    return causes


def _compiled(where: str, expression: str, result: str, *, optional: bool) -> list[Cause]:
    try:
        environment.compile_expression(expression, result, optional_old_self=optional)
    except environment.ExpressionError as error:
        return [field.invalid(where, expression[:200], str(error))]
    return []


def _message_causes(rule: dict[str, Any], prefix: str) -> list[Cause]:
    message = rule.get("message", "")
    if message and not message.strip():
        return [field.invalid(f"{prefix}message", message, "message must be non-empty if specified")]
    if "\n" in message.strip():
        return [field.invalid(f"{prefix}message", message[:200], "message must not contain line breaks")]
    if len(message) > 2048:
        detail = "message must have a maximum length of 2048 characters"
        return [field.invalid(f"{prefix}message", f"{message[:10]}...", detail)]
    if "\n" in rule["rule"].strip() and not message and not rule.get("messageExpression"):
        return [field.required(f"{prefix}message", "message must be specified if rule contains line breaks")]
    return []


def _reason_causes(rule: dict[str, Any], prefix: str) -> list[Cause]:
    reason = rule.get("reason")
    if reason and reason not in _REASONS:
        return [field.not_supported(f"{prefix}reason", reason, _REASONS)]
    return []
