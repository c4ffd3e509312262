"""Causes worded as Kubernetes words field errors (k8s.io/apimachinery/pkg/util/validation/field)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

from kcpcache.apimachinery.errors import Cause, cut

MAX_SHOWN_CHARS = 4096  # of a value, and of the values that would have been right


def invalid(path: str, value: Any, detail: str) -> Cause:
    """A value that breaks a rule: ``Invalid value: "x": detail``."""
    return Cause(path, "FieldValueInvalid", f"Invalid value: {shown(value)}: {detail}")


def required(path: str, detail: str = "") -> Cause:
    """A field that must be there and is missing or empty."""
    return Cause(path, "FieldValueRequired", f"Required value: {detail}" if detail else "Required value")


def forbidden(path: str, detail: str) -> Cause:
    """A field that must not be set here."""
    return Cause(path, "FieldValueForbidden", f"Forbidden: {detail}")


def duplicate(path: str, value: Any) -> Cause:
    """A value that occurs twice where it may occur once."""
    return Cause(path, "FieldValueDuplicate", f"Duplicate value: {shown(value)}")


def not_supported(path: str, value: Any, supported: Iterable[str]) -> Cause:
    """A value that is none of an enumeration."""
    names = listed(f'"{name}"' for name in sorted(supported))
    return Cause(
        path, "FieldValueNotSupported", f"Unsupported value: {shown(value)}: supported values: {names}"
    )


def type_invalid(path: str, value: Any, detail: str) -> Cause:
    """A value of the wrong JSON type."""
    return Cause(path, "FieldValueTypeInvalid", f"Invalid value: {shown(value)}: {detail}")


def too_long(path: str, limit_bytes: int) -> Cause:
    """A value of more bytes than allowed."""
    return Cause(path, "FieldValueTooLong", f"Too long: may not be more than {limit_bytes} bytes")


def shown(value: Any) -> str:
    """How a field error shows a value: strings quoted, everything else as JSON, and cut where that is long."""
    if isinstance(value, str):
        value = value[: MAX_SHOWN_CHARS + 1]  # more would be quoted in vain
    text = orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS)
    return cut(text[: 4 * MAX_SHOWN_CHARS + 1].decode(errors="ignore"), MAX_SHOWN_CHARS)


def listed(parts: Iterable[str]) -> str:
    """The parts joined by commas; those for which there is no room are left out, with dots for them."""
    taken: list[str] = []
    size_chars = 0
    for part in parts:
        size_chars += len(part)
        if size_chars > MAX_SHOWN_CHARS:
            taken.append("..." if taken else cut(part, MAX_SHOWN_CHARS))
            break
        taken.append(part)
    return ", ".join(taken)
