"""The JSONPath of printer columns, scale subresources and `kubectl -o jsonpath` (k8s.io/client-go/util/jsonpath).

Missing keys give no results. A path of plain field names is marked as such (`Path.keys`), so that hot
loops can read it without this interpreter. Strangers write paths and objects, and each descent (``..``) of a path
multiplies its work: so values are found one at a time, and only so many are looked at.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from kcpcache.apimachinery import equality

MAX_VISITS = (
    10_000  # values in lists and maps that one evaluation looks at; behind them it finds nothing more
)
MAX_STEPS = 128  # of a path that needs the interpreter; objects are not nested deeper


@dataclass(slots=True)
class _Visits:
    """How many more values an evaluation may look at."""

    remaining: int = field(default=MAX_VISITS)

    def of(self, values: Iterable[Any]) -> Iterator[Any]:
        """The values, as long as they may be looked at."""
        for value in values:
            self.remaining -= 1
            if self.remaining < 0:
                return
            yield value


Step: TypeAlias = Callable[[Iterable[Any], _Visits], Iterable[Any]]

_FIELD = re.compile(r"\.?((?:[^.\[\]{}\s\\'\"()]|\\.)+)", re.DOTALL)
_BRACKET = re.compile(r"\[((?:'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|[^\]'\"])*)\]", re.DOTALL)
_INTEGER = re.compile(r"-?\d{1,9}")
_SLICE = re.compile(r"(-?\d{1,9})?:(-?\d{1,9})?(?::(-?\d{1,9})?)?")
_QUOTED = re.compile(r"'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"", re.DOTALL)
_COMPARISON = re.compile(
    r"((?:'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|[^'\"=!<>])*)(==|!=|<=|>=|<|>)(.*)", re.DOTALL
)
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][-+]?\d+)?")
_NOTHING: Any = object()
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "==": equality.is_equal,
    "!=": lambda left, right: not equality.is_equal(left, right),
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
        """Every value the path leads to, in document order, among the first `MAX_VISITS` on its way."""
        return list(self._values(obj, _Visits()))

    def first(self, obj: Any) -> Any:
        """The first of them; None if there is none."""
        return next(iter(self._values(obj, _Visits())), None)

    def _values(self, obj: Any, visits: _Visits) -> Iterable[Any]:
        values: Iterable[Any] = (obj,)
        for step in self.steps:
            values = step(values, visits)
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
    if keys is None and len(steps) > MAX_STEPS:
        raise ValueError(f"invalid JSONPath {path[:100]!r}: more than {MAX_STEPS} steps")
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
    return _union(parts), None


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


def _union(parts: list[Step]) -> Step:
    return lambda values, visits: (
        found for value in values for part in parts for found in part((value,), visits)
    )


def _field(name: str) -> Step:
    return lambda values, visits: (value[name] for value in values if type(value) is dict and name in value)


def _index(position: int) -> Step:
    return lambda values, visits: (
        value[position] for value in values if type(value) is list and -len(value) <= position < len(value)
    )


def _slice(bounds: slice) -> Step:
    return lambda values, visits: (
        item for value in values if type(value) is list for item in visits.of(value[bounds])
    )


def _wildcard(values: Iterable[Any], visits: _Visits) -> Iterator[Any]:
    return (item for value in values for item in visits.of(_children(value)))


def _descend(values: Iterable[Any], visits: _Visits) -> Iterator[Any]:
    return (found for value in values for found in visits.of(_descendants(value)))


def _descendants(value: Any) -> Iterator[Any]:
    """A value and all that is in it, each before what is in it."""
    yield value
    pending = [iter(_children(value))]
    while pending:
        for item in pending[-1]:
            yield item
            if children := _children(item):
                pending.append(iter(children))
                break
        else:
            pending.pop()


def _children(value: Any) -> Collection[Any]:
    if type(value) is dict:
        return value.values()
    return value if type(value) is list else ()


def _filter(condition: str, path: str) -> Step:
    matches = _condition(condition, path)
    return lambda values, visits: (
        item for value in values if type(value) is list for item in visits.of(value) if matches(item, visits)
    )


def _condition(condition: str, path: str) -> Callable[[Any, _Visits], bool]:
    comparison = _COMPARISON.fullmatch(condition)
    if not comparison:
        exists = _operand(condition.strip(), path)
        return lambda item, visits: exists(item, visits) is not _NOTHING
    left, right = _operand(comparison[1].strip(), path), _operand(comparison[3].strip(), path)
    compare = _OPERATORS[comparison[2]]

    def matches(item: Any, visits: _Visits) -> bool:
        left_value, right_value = left(item, visits), right(item, visits)
        if left_value is _NOTHING or right_value is _NOTHING:
            return False
        try:
            return compare(left_value, right_value)
        except TypeError:  # Kubernetes refuses to compare these; here they just do not match
            return False

    return matches


def _operand(text: str, path: str) -> Callable[[Any, _Visits], Any]:
    """What gives a side of a condition for an item: the first value of a path, or the literal."""
    if text.startswith(("@", "$")):
        values = compile(text)._values
        return lambda item, visits: next(iter(values(item, visits)), _NOTHING)
    if quoted := _QUOTED.fullmatch(text):
        literal: Any = _unquoted(quoted)
    elif text in ("true", "false"):
        literal = text == "true"
    elif _NUMBER.fullmatch(text):
        literal = float(text) if any(character in text for character in ".eE") else int(text)
    else:
        raise ValueError(f"invalid JSONPath {path!r}: cannot read {text!r} in a filter")
    return lambda item, visits: literal
