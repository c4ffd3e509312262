"""Drops what a structural schema does not specify.

Source: k8s.io/apiextensions-apiserver, pkg/apiserver/schema/pruning.
"""

from __future__ import annotations

from typing import Any

from kcpcache.apimachinery import trail
from kcpcache.apimachinery.trail import Trail

Schema = dict[str, Any]

MAX_PATHS = 100  # more need not be told

_RESOURCE_FIELDS = frozenset({"apiVersion", "kind", "metadata"})


def prune(obj: Any, schema: Schema, *, is_root: bool = True) -> list[str]:
    """Removes unknown fields from the object, in place.

    Args:
        obj: a JSON value.
        schema: its structural schema.
        is_root: the object is a resource, so that apiVersion, kind and metadata stay whole.
    Returns:
        the paths of what was removed, such as ``spec.list[0].x``, in the object's order; at most
        `MAX_PATHS` of them.
    """
    removed: list[str] = []
    _prune(obj, schema, None, is_root, removed)
    return removed


def _prune(
    value: Any,
    schema: Schema | None,
    place: Trail,
    is_resource: bool,
    removed: list[str],
    keeps: bool = False,
) -> None:
    """`keeps`: unknown fields stay, as the schema of an enclosing list says."""
    specified = schema or {}
    keeps = keeps or bool(specified.get("x-kubernetes-preserve-unknown-fields"))
    if isinstance(value, dict):
        _prune_object(value, specified, place, is_resource, removed, keeps)
    elif isinstance(value, list):
        items = specified.get("items")
        is_resource = bool(items and items.get("x-kubernetes-embedded-resource"))
        for index, item in enumerate(value):
            if type(item) is dict or type(item) is list:
                _prune(item, items, (place, index), is_resource, removed, keeps)


def _prune_object(
    value: dict[str, Any], schema: Schema, place: Trail, is_resource: bool, removed: list[str], keeps: bool
) -> None:
    properties = schema.get("properties") or {}
    additional = schema.get("additionalProperties")
    unknown: list[str] = []
    for name, item in value.items():
        if is_resource and name in _RESOURCE_FIELDS:
            continue
        if name in properties:
            child = properties[name]
        elif additional:
            child = additional if additional is not True else None
        elif keeps:
            continue
        else:
            unknown.append(name)
            continue
        if type(item) is dict or type(item) is list:
            embeds = bool(child and child.get("x-kubernetes-embedded-resource"))
            _prune(item, child, (place, name), embeds, removed)
    for name in unknown:
        del value[name]
        if len(removed) < MAX_PATHS:
            removed.append(trail.rendered(place, name=name))
