"""The JSONPath of printer columns, scale subresources and `kubectl -o jsonpath` (k8s.io/client-go/util/jsonpath).

Missing keys give no results. A path of plain field names is marked as such (`Path.keys`), so that hot
loops can read it without this interpreter.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

Step: TypeAlias = Callable[[list[Any]], list[Any]]

_FIELD = re.compile(r"\.?((?:[^.\[\]{}\s\\'\"()]|\\.)+)", re.DOTALL)
_BRACKET = re.compile(r"\[((?:'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|[^\]'\"])*)\]", re.DOTALL)
_INTEGER = re.compile(r"-?\d{1,9}")
_SLICE = re.compile(r"(-?\d{1,9})?:(-?\d{1,9})?(?::(-?\d{1,9})?)?")
_QUOTED = re.compile(r"'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"", re.DOTALL)
_COMPARISON = re.compile(
    r"((?:'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|[^'\"=!<>])*)(==|!=|<=|>=|<|>)(.*)", re.DOTALL
)
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][-+]?\d+)?")
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True, slots=True)
class Path:
    """A compiled path; `keys` are its field names if it has nothing else, otherwise None."""

    text: str
    steps: tuple[Step, ...]
    keys: tuple[str, ...] | None

    def find(self, obj: Any) -> list[Any]:
        """Every value the path leads to, in document order."""
        values = [obj]
        for step in self.steps:
            if not values:
                break
            values = step(values)
        return values


def compile(path: str) -> Path:
    """A path such as ``.status.conditions[?(@.type=="Ready")].status``, with or without braces around it.

    Raises:
        ValueError: bad syntax.
    """
    text = path.strip()
    if text.startswith("{") and text.endswith("}"):
        text = text[1:-1].strip()
    if text[:1] in ("$", "@"):
        text = text[1:]
    steps, keys = _parse(text, path)
    return Path(path, tuple(steps), keys)


def _parse(text: str, path: str) -> tuple[list[Step], tuple[str, ...] | None]:
    steps: list[Step] = []
    keys: list[str] | None = []
    position = 0
    while position < len(text):
        name = None
        if text.startswith("..", position):
            steps.append(_descend)
            keys = None
            position += 2
            if position == len(text):
                break
            if text[position] == ".":  # each descent multiplies the results: never two in a row
                raise ValueError(f"invalid JSONPath {path!r}: too many dots")
        if text == ".":
            break
        if found := _BRACKET.match(text, position):
            step, name = _bracket(found[1], path)
        elif found := _FIELD.match(text, position):
            name = re.sub(r"\\(.)", r"\1", found[1])
            step = _wildcard if found[1] == "*" else _field(name)
            name = None if found[1] == "*" else name
        else:
            raise ValueError(f"invalid JSONPath {path!r} at {text[position:]!r}")
        steps.append(step)
        if name is None:
            keys = None
        elif keys is not None:
            keys.append(name)
        position = found.end()
    return steps, tuple(keys) if keys is not None else None


def _bracket(content: str, path: str) -> tuple[Step, str | None]:
    """The step of what stands in brackets, and the field's name if it is just one."""
    content = content.strip()
    if content == "*":
        return _wildcard, None
    if content.startswith("?(") and content.endswith(")"):
        return _filter(content[2:-1], path), None
    if quoted := _QUOTED.fullmatch(content):
        name = _unquoted(quoted)
        return _field(name), name
    if not content:
        raise ValueError(f"invalid JSONPath {path!r}: empty brackets")
    parts = [_part(part.strip(), path) for part in _split(content)]
    if len(parts) == 1:
        return parts[0], None
    return lambda values: [found for value in values for part in parts for found in part([value])], None


def _split(content: str) -> list[str]:
    return re.findall(r"(?:'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|[^,'\"])+", content)


def _part(content: str, path: str) -> Step:
    if quoted := _QUOTED.fullmatch(content):
        return _field(_unquoted(quoted))
    if _INTEGER.fullmatch(content):
        return _index(int(content))
    if found := _SLICE.fullmatch(content):
        start, stop, step = (int(group) if group else None for group in found.groups())
        if step is not None and step <= 0:
            raise ValueError(f"invalid JSONPath {path!r}: step must be > 0")
        return _slice(slice(start, stop, step))
    raise ValueError(f"invalid JSONPath {path!r}: invalid array index {content}")


def _unquoted(found: re.Match[str]) -> str:
    return re.sub(r"\\(.)", r"\1", found[1] if found[1] is not None else found[2])


def _field(name: str) -> Step:
    return lambda values: [value[name] for value in values if type(value) is dict and name in value]


def _index(position: int) -> Step:
    return lambda values: [
        value[position] for value in values if type(value) is list and -len(value) <= position < len(value)
    ]


def _slice(bounds: slice) -> Step:
    return lambda values: [item for value in values if type(value) is list for item in value[bounds]]


def _wildcard(values: list[Any]) -> list[Any]:
    return [item for value in values for item in _children(value)]


def _descend(values: list[Any]) -> list[Any]:
    return [found for value in values for found in _descendants(value)]


def _descendants(value: Any) -> Iterator[Any]:
    yield value
    for item in _children(value):
        yield from _descendants(item)


def _children(value: Any) -> list[Any]:
    if type(value) is dict:
        return list(value.values())
    return value if type(value) is list else []


def _filter(condition: str, path: str) -> Step:
    matches = _condition(condition, path)
    return lambda values: [item for value in values if type(value) is list for item in value if matches(item)]


def _condition(condition: str, path: str) -> Callable[[Any], bool]:
    comparison = _COMPARISON.fullmatch(condition)
    if not comparison:
        exists = _operand(condition.strip(), path)
        return lambda item: bool(exists(item))
    left, right = _operand(comparison[1].strip(), path), _operand(comparison[3].strip(), path)
    compare = _OPERATORS[comparison[2]]

    def matches(item: Any) -> bool:
        left_values, right_values = left(item), right(item)
        if not left_values or not right_values:
            return False
        try:
            return compare(left_values[0], right_values[0])
        except TypeError:  # Kubernetes refuses to compare these; here they just do not match
            return False

    return matches


def _operand(text: str, path: str) -> Callable[[Any], list[Any]]:
    if text.startswith(("@", "$")):
        return compile(text).find
    if quoted := _QUOTED.fullmatch(text):
        literal: Any = _unquoted(quoted)
    elif text in ("true", "false"):
        literal = text == "true"
    elif _NUMBER.fullmatch(text):
        literal = float(text) if any(character in text for character in ".eE") else int(text)
    else:
        raise ValueError(f"invalid JSONPath {path!r}: cannot read {text!r} in a filter")
    return lambda item: [literal]
