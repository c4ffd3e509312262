"""Reads YAML as sigs.k8s.io/yaml does, and as JSON types.

The parser's events are put together here, with a stack: PyYAML's own composer recurses in C and can be
brought to overflow, its aliases multiply, and its scalars differ from Go's (timestamps, 12:30, 1e3, 0o7).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from kcpcache.apimachinery import trail, yamlscalars
from kcpcache.apimachinery.errors import BadRequest
from kcpcache.apimachinery.trail import Trail

# What aliases may add to a document, in values; a billion laughs ends here.
MAX_ALIASED_VALUES = 10_000
MAX_DUPLICATES = 100
_NO_KEY: Any = object()
_MERGE: Any = object()


@dataclass(slots=True)
class _Open:
    """A mapping or a list that is still being read."""

    value: dict[str, Any] | list[Any]
    anchor: str | None
    key: Any = _NO_KEY
    seen: set[Any] = field(default_factory=set)
    merged: list[Any] = field(default_factory=list)


def documents(
    body: bytes, *, max_nesting: int, max_documents: int | None = None
) -> Iterator[tuple[Any, list[str]]]:
    """Each document of the body with the paths of the fields that occur twice in it.

    Args:
        body: YAML in UTF-8.
        max_nesting: levels of mappings and lists.
        max_documents: how many documents there may be.
    Raises:
        BadRequest: no YAML, or more of something than is allowed.
    """
    try:
        body.decode()
    except UnicodeDecodeError as error:
        raise BadRequest("unable to decode YAML: invalid UTF-8") from error
    count = 0
    try:
        events = yaml.parse(body, Loader=yaml.CSafeLoader)
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                count += 1
                if max_documents is not None and count > max_documents:
                    raise BadRequest("unable to decode YAML: the body has several documents")
                yield _Document(max_nesting).read(events)
    except yaml.YAMLError as error:
        problem = " ".join(str(error).split())[:500]
        raise BadRequest(f"unable to decode YAML: {problem}") from error


class _Document:
    """Puts one document together from its events."""

    def __init__(self, max_nesting: int) -> None:
        self._max_nesting = max_nesting
        self._stack: list[_Open] = []
        self._anchors: dict[str, Any] = {}
        self._aliased = 0
        self._duplicates: list[str] = []
        self._root: Any = None

    def read(self, events: Iterator[Any]) -> tuple[Any, list[str]]:
        """Takes the events up to the document's end."""
        for event in events:
            if isinstance(event, yaml.ScalarEvent):
                self._scalar(event)
            elif isinstance(event, yaml.MappingStartEvent):
                self._open({}, event)
            elif isinstance(event, yaml.SequenceStartEvent):
                self._open([], event)
            elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
                self._close()
            elif isinstance(event, yaml.AliasEvent):
                self._alias(event)
            else:
                break
        return self._root, self._duplicates

    def _scalar(self, event: Any) -> None:
        value = yamlscalars.resolve(event.value, event.tag, is_plain=event.implicit[0])
        if event.anchor is not None:
            self._anchors[event.anchor] = value
        self._add(value, is_plain=event.implicit[0])

    def _open(self, value: dict[str, Any] | list[Any], event: Any) -> None:
        if len(self._stack) >= self._max_nesting:
            raise BadRequest(f"the body is nested deeper than {self._max_nesting} levels")
        top = self._stack[-1] if self._stack else None
        if top is not None and isinstance(top.value, dict) and top.key is _NO_KEY:
            raise BadRequest("unable to decode YAML: keys must be scalars")
        self._stack.append(_Open(value, event.anchor))

    def _close(self) -> None:
        closed = self._stack.pop()
        if isinstance(closed.value, dict):
            _merge(closed.value, closed.merged)
        if closed.anchor is not None:
            self._anchors[closed.anchor] = closed.value
        self._add(closed.value)

    def _alias(self, event: Any) -> None:
        if event.anchor not in self._anchors:
            raise BadRequest(f"unable to decode YAML: unknown anchor '{event.anchor}' referenced")
        self._add(self._copied(self._anchors[event.anchor], len(self._stack)))

    def _copied(self, value: Any, depth: int) -> Any:
        """A copy of an anchored value: two places of an object must not share what one may change."""
        self._aliased += 1
        if self._aliased > MAX_ALIASED_VALUES:
            raise BadRequest("unable to decode YAML: document contains excessive aliasing")
        if depth > self._max_nesting:
            raise BadRequest(f"the body is nested deeper than {self._max_nesting} levels")
        if isinstance(value, dict):
            return {name: self._copied(item, depth + 1) for name, item in value.items()}
        if isinstance(value, list):
            return [self._copied(item, depth + 1) for item in value]
        return value

    def _add(self, value: Any, *, is_plain: bool = False) -> None:
        """Puts a finished value into what is open: as a key, as a field or as an item."""
        if not self._stack:
            self._root = value
            return
        top = self._stack[-1]
        if isinstance(top.value, list):
            top.value.append(value)
        elif top.key is _NO_KEY:
            top.key = _MERGE if is_plain and value == "<<" else yamlscalars.key(value)
            if top.key in top.seen and len(self._duplicates) < MAX_DUPLICATES:
                self._duplicates.append(self._path())
            top.seen.add(top.key)
        else:
            if top.key is _MERGE:
                top.merged.append(value)
            else:
                top.value[top.key] = value
            top.key = _NO_KEY

    def _path(self) -> str:
        """The path of the value that comes next."""
        place: Trail = None
        for opened in self._stack:
            if isinstance(opened.value, list):
                place = (place, len(opened.value))
            else:
                place = (place, "<<" if opened.key is _MERGE else opened.key)
        return trail.rendered(place)


def _merge(target: dict[str, Any], sources: list[Any]) -> None:
    """`<<`: fields of the mappings merged in, where the mapping does not have them itself."""
    for source in sources:
        for mapping in source if isinstance(source, list) else [source]:
            if not isinstance(mapping, dict):
                raise BadRequest(
                    "unable to decode YAML: map merge requires map or sequence of maps as the value"
                )
            for name, value in mapping.items():
                target.setdefault(name, value)
