"""Field sets of objects: what a configuration claims, and what a change touched.

Source: sigs.k8s.io/structured-merge-diff, typed (`ToFieldSet`, `Compare`, `EnsureNamedFieldsAreMembers`).
"""

from __future__ import annotations

from typing import Any

from kcpcache.apimachinery import equality
from kcpcache.apimachinery.apply import fieldset, shape
from kcpcache.apimachinery.apply.fieldset import MEMBER, FieldSet, Node
from kcpcache.apimachinery.apply.shape import Schema
from kcpcache.apimachinery.objects import JSONObject


def claimed(obj: JSONObject, schema: Schema) -> FieldSet:
    """The fields that an applied configuration claims: its leaves, its list items and its map keys.

    An empty list is claimed like an empty map, so that applying it holds.
    """
    return _claimed_below(obj, schema) or {}


def _claimed_below(value: Any, schema: Schema) -> FieldSet | None:
    """The set under a value, None if the value is claimed as a whole."""
    if type(value) is dict and not shape.is_atomic_map(schema):
        found: FieldSet = {}
        for name, item in value.items():
            below = _claimed_below(item, shape.of_field(schema, name))
            if below is None:
                found[f"f:{name}"] = {}
            elif not item or not shape.declares(schema, name):
                found[f"f:{name}"] = {MEMBER: {}, **below} if below else {}
            elif below:
                found[f"f:{name}"] = below
        return found
    if type(value) is list and (keys := shape.list_keys(schema)) is not None:
        item_schema = shape.of_items(schema)
        found = {}
        for element, item in zip(shape.elements(value, keys, item_schema), value, strict=True):
            below = _claimed_below(item, item_schema)
            found[element] = {MEMBER: {}, **below} if below else {}
        return found
    return None


def added(value: Any, schema: Schema) -> Node:
    """The node of a value that was not there before: every path in it, the inner ones too."""
    if type(value) is dict:
        if not value or shape.is_atomic_map(schema):
            return {}
        node: Node = {MEMBER: {}}
        for name, item in value.items():
            is_container = type(item) is dict or type(item) is list
            node[f"f:{name}"] = added(item, shape.of_field(schema, name)) if is_container else {}
        return node
    if type(value) is list and value and (keys := shape.list_keys(schema)) is not None:
        item_schema = shape.of_items(schema)
        node = {MEMBER: {}}
        for element, item in zip(shape.elements(value, keys, item_schema), value, strict=True):
            node[element] = added(item, item_schema)
        return node
    return {}


def compare(old: JSONObject, new: JSONObject, schema: Schema) -> tuple[FieldSet, FieldSet]:
    """The fields that were added or modified from `old` to `new`, and those that were removed."""
    changed: FieldSet = {}
    removed: FieldSet = {}
    for name, value in new.items():
        if name not in old:
            changed[f"f:{name}"] = added(value, shape.of_field(schema, name))
        elif not equality.is_equal(value, before := old[name]):
            _compare_into(changed, removed, f"f:{name}", before, value, shape.of_field(schema, name))
    for name, value in old.items():
        if name not in new:
            removed[f"f:{name}"] = added(value, shape.of_field(schema, name))
    return changed, removed


def _compare_into(
    changed: FieldSet, removed: FieldSet, element: str, old: Any, new: Any, schema: Schema
) -> None:
    """Note under `element` how two different values differ."""
    if type(old) is dict and type(new) is dict and not shape.is_atomic_map(schema):
        changed_below, removed_below = compare(old, new, schema)
    elif type(old) is list and type(new) is list and (keys := shape.list_keys(schema)) is not None:
        changed_below, removed_below = _compare_lists(old, new, keys, shape.of_items(schema))
    elif type(old) in (dict, list) or type(new) in (dict, list):
        changed[element] = added(new, schema)
        if below := fieldset.children(added(old, schema)):
            removed[element] = below
        return
    else:
        changed[element] = {}
        return
    if changed_below:
        changed[element] = changed_below
    if removed_below:
        removed[element] = removed_below


def _compare_lists(
    old: list[Any], new: list[Any], keys: tuple[str, ...], schema: Schema
) -> tuple[FieldSet, FieldSet]:
    changed: FieldSet = {}
    removed: FieldSet = {}
    before = dict(zip(shape.elements(old, keys, schema), old, strict=True))
    after = dict(zip(shape.elements(new, keys, schema), new, strict=True))
    for element, item in after.items():
        if element not in before:
            changed[element] = added(item, schema)
        elif not equality.is_equal(item, before[element]):
            _compare_into(changed, removed, element, before[element], item, schema)
    for element, item in before.items():
        if element not in after:
            removed[element] = added(item, schema)
    return changed, removed


def with_named_fields(fields: FieldSet, schema: Schema) -> FieldSet:
    """The set together with the inner paths that are fields of their type.

    Removing an owner's last leaf then removes the emptied object around it as well.
    """
    result: FieldSet = {}
    for element, node in fields.items():
        below = fieldset.children(node)
        if not below:
            result[element] = node
            continue
        is_field = element.startswith("f:")
        child_schema = shape.of_field(schema, element[2:]) if is_field else shape.of_items(schema)
        below = with_named_fields(below, child_schema)
        is_member = MEMBER in node or (is_field and shape.declares(schema, element[2:]))
        result[element] = {MEMBER: {}, **below} if is_member else below
    return result


def duplicates(value: Any, schema: Schema, path: str = "") -> list[str]:
    """The list items that an applied configuration has twice or without their keys, as sentences."""
    if type(value) is dict and not shape.is_atomic_map(schema):
        return [
            problem
            for name, item in value.items()
            for problem in duplicates(item, shape.of_field(schema, name), f"{path}.{name}")
        ]
    if type(value) is not list or (keys := shape.list_keys(schema)) is None:
        return []
    problems = []
    seen: FieldSet = {}
    item_schema = shape.of_items(schema)
    for index, element in enumerate(shape.elements(value, keys, item_schema)):
        if element in seen:
            (shown,) = fieldset.paths({element: {}})
            problems.append(f"{path}: duplicate entries for key {shown}")
        if element.startswith("i:"):
            problems.append(
                f"{path}: element {index}: associative list with keys has an element that omits a key field"
                f" of {', '.join(keys)} (and doesn't have default value)"
            )
        seen[element] = {}
        problems += duplicates(value[index], item_schema, f"{path}[{index}]")
    return problems
