"""Resolves YAML scalars as sigs.k8s.io/yaml does: YAML 1.1 by its Go reader, then once through JSON."""

from __future__ import annotations

import base64
import math
import re
from typing import Any

from kcpcache.apimachinery.errors import BadRequest

_WORDS: dict[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
}
_NUMBER_START = frozenset("+-.0123456789")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII)
_INTEGER = re.compile(r"([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|(0|[1-9][0-9]*))", re.ASCII)
_NOT_IN_JSON = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_MAX_DIGITS = 400  # more than any float has; Python's int() is quadratic
_PREFIX = "tag:yaml.org,2002:"


def resolve(text: str, tag: str | None, *, is_plain: bool) -> Any:
    """The JSON value of a scalar.

    Args:
        text: the scalar without quotes.
        tag: the tag it was given, if any.
        is_plain: it is written without quotes and without a tag, so its text decides its type.
    Raises:
        BadRequest: JSON has no such value.
    """
    if is_plain:
        return _plain(text)
    short = (tag or "").removeprefix(_PREFIX)
    if short == "binary":
        return _binary(text)
    if short in ("int", "float", "bool", "null"):
        return _tagged(text, short)
    return text


def key(value: Any) -> str:
    """The JSON name of a mapping's key: numbers and booleans become strings.

    Raises:
        BadRequest: the key is null, a list or a mapping.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    raise BadRequest("unable to decode YAML: keys must be strings, numbers or booleans")


def _plain(text: str) -> Any:
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMBER_START or len(text) > _MAX_DIGITS:
        return text
    digits = text.replace("_", "")
    if match := _INTEGER.fullmatch(digits):
        return _integer(match)
    if _FLOAT.fullmatch(digits):
        return _number(float(digits))
    if _NOT_IN_JSON.fullmatch(text):
        raise BadRequest(f"unable to decode YAML: json: unsupported value: {text}")
    return text


def _integer(match: re.Match[str]) -> int | float:
    sign, hexadecimal, binary, octal, decimal = match.groups()
    if hexadecimal:
        value = int(hexadecimal, 16)
    elif binary:
        value = int(binary, 2)
    elif octal:
        value = int(octal, 8)
    else:
        value = int(decimal)
    value = -value if sign == "-" else value
    return value if -(2**63) <= value < 2**63 else _number(float(value))


def _number(value: float) -> int | float:
    """Go writes whole floats without a point, so that reading its JSON gives integers."""
    if math.isinf(value):
        raise BadRequest("unable to decode YAML: json: unsupported value: +Inf")
    if value.is_integer() and abs(value) < 2**63:
        return int(value)
    return value


def _binary(text: str) -> str:
    try:
        return base64.b64decode(text).decode()
    except ValueError as error:
        raise BadRequest("unable to decode YAML: !!binary value contains invalid base64 data") from error


def _tagged(text: str, kind: str) -> Any:
    value = _plain(text)
    types: dict[str, tuple[type, ...]] = {
        "int": (int,),
        "float": (int, float),
        "bool": (bool,),
        "null": (type(None),),
    }
    if type(value) not in types[kind]:
        raise BadRequest(f"unable to decode YAML: cannot decode {text[:100]!r} as a !!{kind}")
    return value
