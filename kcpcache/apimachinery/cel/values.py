"""Makes the values that rules see from JSON: Kubernetes' types and names, as the schema gives them.

A `format: byte` string is bytes, every `number` a double, a property whose name is no identifier is escaped,
and `format: date-time` and `duration` strings are timestamps and durations. The evaluator takes no timestamp
inside a dyn value, so there the expression converts what it reads. Most schemas need none of it.
"""

from __future__ import annotations

import base64
import itertools
import re
from collections.abc import Callable, Iterator
from typing import Any

from kcpcache.apimachinery.cel import syntax

Converter = Callable[[Any], Any]

_RESERVED = frozenset(
    {
        *("true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function"),
        *("if", "import", "let", "loop", "package", "namespace", "return", "var", "void", "while"),
    }
)
_ESCAPES = {"__": "__underscores__", ".": "__dot__", "-": "__dash__", "/": "__slash__"}
_ESCAPED = re.compile(r"__|[.\-/]")
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_CONVERSIONS = {"date-time": "timestamp", "duration": "duration"}


def escape(name: str) -> str:
    """The name under which rules reach a property; names that CEL cannot reach stay as they are."""
    if name in _RESERVED:
        return f"__{name}__"
    escaped = _ESCAPED.sub(lambda match: _ESCAPES[match.group()], name)
    return escaped if _IDENTIFIER.fullmatch(escaped) else name


def converter(schema: dict[str, Any]) -> Converter | None:
    """What turns a JSON value of this schema into the value a rule sees; None where they are the same."""
    kind = schema.get("type")
    if kind == "number":
        return lambda value: float(value) if type(value) is int else value
    if kind == "string":
        return _bytes if schema.get("format") == "byte" else None
    if kind == "array":
        return _list_converter(schema.get("items"))
    return _object_converter(schema)


def with_conversions(expression: str, schema: dict[str, Any]) -> str:
    """The expression with `timestamp()` and `duration()` around each property that the schema says is one.

    Only properties reached by name from `self` and `oldSelf` are found, not those of list items.
    """
    for path, conversion in _converted_paths(schema, ""):
        read = re.compile(rf"(?<![\w.])(?<!has\()((?:self|oldSelf){re.escape(path)})(?![\w(])")
        code, literals = syntax.split_literals(expression)
        converted = [read.sub(rf"{conversion}(\1)", piece) for piece in code]
        expression = "".join(map("".join, itertools.zip_longest(converted, literals, fillvalue="")))
    return expression


def _converted_paths(schema: dict[str, Any], path: str) -> Iterator[tuple[str, str]]:
    if schema.get("type") == "string" and schema.get("format") in _CONVERSIONS:
        yield path, _CONVERSIONS[schema["format"]]
    for name, child in (schema.get("properties") or {}).items():
        yield from _converted_paths(child, f"{path}.{escape(name)}")


def _list_converter(items: Any) -> Converter | None:
    convert = converter(items) if isinstance(items, dict) else None
    if convert is None:
        return None
    return lambda value: [convert(item) for item in value] if isinstance(value, list) else value


def _object_converter(schema: dict[str, Any]) -> Converter | None:
    additional = schema.get("additionalProperties")
    if isinstance(additional, dict) and (convert := converter(additional)) is not None:
        return lambda value: (
            {name: convert(item) for name, item in value.items()} if isinstance(value, dict) else value
        )
    changes: list[tuple[str, str, Converter | None]] = []
    for name, child in (schema.get("properties") or {}).items():
        change = converter(child)
        if change is not None or escape(name) != name:
            changes.append((name, escape(name), change))
    if not changes:
        return None

    def convert_object(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        result = dict(value)
        for name, escaped, change in changes:
            if name in result:
                item = result.pop(name)
                result[escaped] = change(item) if change else item
        return result

    return convert_object


def _bytes(value: Any) -> Any:
    try:
        return base64.b64decode(value, validate=True)
    except (ValueError, TypeError):
        return value
