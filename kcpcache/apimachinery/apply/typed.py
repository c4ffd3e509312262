"""Merging an applied configuration into an object, and taking fields out of one.

Source: sigs.k8s.io/structured-merge-diff, typed (`Merge`, `RemoveItems`). Nothing given is changed.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from kcpcache.apimachinery.apply import fieldset, shape
from kcpcache.apimachinery.apply.fieldset import FieldSet
from kcpcache.apimachinery.apply.shape import Schema


def merged(live: Any, config: Any, schema: Schema) -> Any:
    """The live value with the configuration laid over it."""
    if type(live) is dict and not shape.is_atomic_map(schema):
        if config is None:
            return live
        if type(config) is dict:
            result = dict(live)
            for name, value in config.items():
                is_known = name in live
                result[name] = merged(live[name], value, shape.of_field(schema, name)) if is_known else value
            return result
    if type(live) is list and (keys := shape.list_keys(schema)) is not None:
        if config is None:
            return live
        if type(config) is list:
            return _merged_lists(live, config, keys, shape.of_items(schema))
    return config


def _merged_lists(live: list[Any], config: list[Any], keys: tuple[str, ...], schema: Schema) -> list[Any]:
    """Both lists' items: shared ones in the configuration's order, the live ones' own kept in place."""
    live_elements = shape.elements(live, keys, schema)
    live_by_element = dict(zip(live_elements, live, strict=True))
    config_elements = shape.elements(config, keys, schema)
    config_by_element = dict(zip(config_elements, config, strict=True))
    shared = deque(element for element in config_elements if element in live_by_element)
    result: list[Any] = []
    taken: set[str] = set()

    def take(element: str) -> None:
        item = config_by_element[element]
        if element in live_by_element:
            item = merged(live_by_element[element], item, schema)
        result.append(item)
        taken.add(element)
        if shared and shared[0] == element:
            shared.popleft()

    left = right = 0
    while left < len(live) or right < len(config):
        element = live_elements[left] if left < len(live) else None
        if element is not None and right < len(config):
            if element == config_elements[right]:
                take(element)
                left, right = left + 1, right + 1
                continue
            if element in config_by_element and shared and shared[0] != element:
                left += 1  # it comes later, where the configuration has it
                continue
        if element is not None and element not in config_by_element:
            result.append(live[left])
            left += 1
            continue
        if element in taken:
            left += 1
        if right < len(config):
            take(config_elements[right])
            right += 1
    return result


def without(value: Any, fields: FieldSet, schema: Schema) -> Any:
    """The value without the members of a set; a container that loses all it has stays, empty."""
    if not fields:
        return value
    if type(value) is dict and not shape.is_atomic_map(schema):
        return {
            name: without(
                item, fieldset.children(fields.get(f"f:{name}") or {}), shape.of_field(schema, name)
            )
            for name, item in value.items()
            if not fieldset.has(fields, f"f:{name}")
        }
    if type(value) is list and (keys := shape.list_keys(schema)) is not None:
        item_schema = shape.of_items(schema)
        return [
            without(item, fieldset.children(fields.get(element) or {}), item_schema)
            for element, item in zip(shape.elements(value, keys, item_schema), value, strict=True)
            if not fieldset.has(fields, element)
        ]
    return value
