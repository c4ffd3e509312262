"""Sets of field paths in the shape of `FieldsV1`, and their algebra.

A set is the JSON of FieldsV1 itself: a dictionary from path elements to nodes. An element is ``f:name``,
``k:{…}`` (an item by its keys), ``v:…`` (an item by its value) or ``i:0``. A node is a dictionary as well:
an empty one is a member without children; ``.`` in it says that a node with children is a member too. The
functions here never change their arguments, and results share nodes with them. Source:
sigs.k8s.io/structured-merge-diff, fieldpath.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

import orjson

FieldSet: TypeAlias = dict[str, Any]
Node: TypeAlias = dict[str, Any]

MEMBER = "."


def parse(fields: Any) -> FieldSet:
    """The set of a client's FieldsV1, in canonical form.

    Raises:
        ValueError: not a FieldsV1.
    """
    if not isinstance(fields, dict):
        raise ValueError("FieldsV1 must be an object")
    found: FieldSet = {}
    for element, child in fields.items():
        if element == MEMBER:
            continue
        node = parse(child)
        if not node or MEMBER not in child:
            found[_canonical(element)] = node
        else:
            found[_canonical(element)] = {MEMBER: {}, **node}
    return found


def serialise(fields: FieldSet) -> bytes:
    """The set as JSON with its elements in order."""
    return orjson.dumps(fields, option=orjson.OPT_SORT_KEYS)


def key_element(keys: dict[str, Any]) -> str:
    """The element of a list item that is known by some of its fields."""
    return "k:" + orjson.dumps(keys, option=orjson.OPT_SORT_KEYS).decode()


def value_element(value: Any) -> str:
    """The element of a list item that is known by its value."""
    return "v:" + orjson.dumps(value).decode()


def union(left: FieldSet, right: FieldSet) -> FieldSet:
    """The paths in either set."""
    if not left or left is right:
        return right
    if not right:
        return left
    result = dict(left)
    for element, node in right.items():
        mine = result.get(element)
        if mine is None:
            result[element] = node
        elif mine is not node and mine != node:
            merged = union(children(mine), children(node))
            is_one = _is_member(mine) or _is_member(node)
            result[element] = {MEMBER: {}, **merged} if is_one and merged else merged
    return result


def difference(left: FieldSet, right: FieldSet) -> FieldSet:
    """The paths of `left` that are not in `right`; what lies under a path of `right` stays."""
    if not left or not right:
        return left
    result = {}
    for element, node in left.items():
        other = right.get(element)
        if other is None:
            result[element] = node
            continue
        remaining = difference(children(node), children(other))
        _put(result, element, _is_member(node) and not _is_member(other), remaining)
    return result


def recursive_difference(left: FieldSet, right: FieldSet) -> FieldSet:
    """The paths of `left` that are neither in `right` nor under one of its paths."""
    result = {}
    for element, node in left.items():
        other = right.get(element)
        if other is None:
            result[element] = node
        elif not _is_member(other):
            _put(result, element, _is_member(node), recursive_difference(children(node), other))
    return result


def intersection(left: FieldSet, right: FieldSet) -> FieldSet:
    """The paths in both sets."""
    result: FieldSet = {}
    for element, node in left.items():
        other = right.get(element)
        if other is not None:
            common = intersection(children(node), children(other))
            _put(result, element, _is_member(node) and _is_member(other), common)
    return result


def paths(fields: FieldSet, prefix: str = "") -> Iterator[str]:
    """Every path as conflicts name it: ``.spec.ports[name="http"].port``."""
    for element, node in fields.items():
        path = prefix + _shown(element)
        if _is_member(node):
            yield path
        yield from paths(children(node), path)


def children(node: Node) -> FieldSet:
    """The set under a node, which is the node without its membership mark."""
    if MEMBER not in node:
        return node
    return {element: child for element, child in node.items() if element != MEMBER}


def has(fields: FieldSet, element: str) -> bool:
    """Whether the path of this one element is in the set."""
    node = fields.get(element)
    return node is not None and _is_member(node)


def _is_member(node: Node) -> bool:
    return not node or MEMBER in node


def _put(result: FieldSet, element: str, is_member: bool, below: FieldSet) -> None:
    if below:
        result[element] = {MEMBER: {}, **below} if is_member else below
    elif is_member:
        result[element] = {}


def _canonical(element: str) -> str:
    kind, content = element[:2], element[2:]
    if kind == "f:":
        return element
    if kind not in ("k:", "v:", "i:"):
        raise ValueError(f"missing path element type: {element!r}")
    value = orjson.loads(content)  # JSONDecodeError is a ValueError
    if kind == "k:":
        if not isinstance(value, dict) or not value:
            raise ValueError(f"key element is not an object: {element!r}")
        return key_element(value)
    if kind == "i:" and type(value) is not int:
        raise ValueError(f"index element is not a number: {element!r}")
    return value_element(value) if kind == "v:" else f"i:{value}"


def _shown(element: str) -> str:
    kind, content = element[:2], element[2:]
    if kind == "f:":
        return f".{content}"
    if kind == "v:":
        return f"[={content}]"
    if kind == "i:":
        return f"[{content}]"
    keys = ",".join(
        f"{name}={orjson.dumps(value).decode()}" for name, value in sorted(orjson.loads(content).items())
    )
    return f"[{keys}]"
