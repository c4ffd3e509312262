"""Field selectors: ``metadata.name=a,status.phase!=Running`` over the fields that a resource allows."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from kcpcache.apimachinery import errors
from kcpcache.apimachinery.objects import JSONObject

_TERM = re.compile(r"((?:[^\\,]|\\.)*)(?:,|$)", re.DOTALL)
_OPERATOR = re.compile(r"(?:[^\\=!]|\\.|!(?!=))*?(!=|==|=)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Requirement:
    """One term: `field` equals `value`, or does not if `negated`."""

    field: str
    value: str
    negated: bool = False

    def __str__(self) -> str:
        return f"{self.field}{'!=' if self.negated else '='}{_escape(self.value)}"


@dataclass(frozen=True, slots=True)
class FieldSelector:
    """A conjunction of field requirements; without any, everything is selected."""

    requirements: tuple[Requirement, ...] = ()

    @property
    def is_everything(self) -> bool:
        """Whether nothing is required."""
        return not self.requirements

    def matches(self, getter: Callable[[str], str]) -> bool:
        """Whether an object is selected; `getter` gives its field's value, empty if missing."""
        return all(
            (getter(requirement.field) == requirement.value) is not requirement.negated
            for requirement in self.requirements
        )

    def exact(self, field: str) -> str | None:
        """The one value that `field` must have, so that a storage can look it up; None if there is none."""
        for requirement in self.requirements:
            if requirement.field == field and not requirement.negated:
                return requirement.value
        return None

    def matches_object(self, obj: JSONObject) -> bool:
        """Whether an object is selected, its fields read by their dotted path."""
        return self.matches(lambda field: value_at(obj, field))

    def __str__(self) -> str:
        return ",".join(map(str, self.requirements))


EVERYTHING = FieldSelector()


def parse(text: str, allowed: Collection[str]) -> FieldSelector:
    """The selector of ``fieldSelector=``; empty text selects everything.

    Raises:
        BadRequest: a term that cannot be read, or a field that is not in `allowed`.
    """
    if not _is_terminated(text):
        raise errors.BadRequest(f"invalid selector: '{text}'; can't understand '{text}'")
    found = []
    for term in _TERM.findall(text):
        if not term:
            continue
        operator = _OPERATOR.match(term)
        if not operator:
            raise errors.BadRequest(f"invalid selector: '{text}'; can't understand '{term}'")
        name, sign = term[: operator.start(1)], operator[1]
        if name not in allowed:
            raise errors.BadRequest(f"field label not supported: {name}")
        found.append(Requirement(name, _unescape(term[operator.end() :]), sign == "!="))
    return FieldSelector(tuple(found))


def value_at(obj: JSONObject, path: str) -> str:
    """The value at a dotted path as field selectors compare it: text, and empty if it is missing."""
    value: Any = obj
    for name in path.split("."):
        if not isinstance(value, dict):
            return ""
        value = value.get(name)
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else ""


def _is_terminated(text: str) -> bool:
    trailing = len(text) - len(text.rstrip("\\"))
    return trailing % 2 == 0


def _escape(value: str) -> str:
    return re.sub(r"([\\,=])", r"\\\1", value)


def _unescape(value: str) -> str:
    """The value without its escapes, which are only ``\\\\``, ``\\,`` and ``\\=``."""
    if bad := re.search(r"\\([^\\,=])", re.sub(r"\\[\\,=]", "", value)):
        raise errors.BadRequest(f"invalid field selector: invalid escape sequence: \\{bad[1]}")
    if re.sub(r"\\[\\,=]", "", value).count("="):
        raise errors.BadRequest("invalid field selector: unescaped character in value: =")
    return re.sub(r"\\([\\,=])", r"\1", value)
