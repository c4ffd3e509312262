"""Strategic merge patch of built-in kinds (k8s.io/apimachinery/pkg/util/strategicpatch).

Lists named in a kind's hints are merged element by element; every other list is replaced. The directives
``$patch``, ``$retainKeys``, ``$deleteFromPrimitiveList/…`` and ``$setElementOrder/…`` steer it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from kcpcache.apimachinery import errors, listorder, patch
from kcpcache.apimachinery.objects import JSONObject

# The merge key of each merged list by its field path without indices; "" for lists of scalars.
Hints: TypeAlias = Mapping[str, str]

METADATA_HINTS: Hints = {"metadata.finalizers": "", "metadata.ownerReferences": "uid"}
HINTS: Mapping[tuple[str, str], Hints] = {
    ("", "Namespace"): {"status.conditions": "type"},
    ("", "ServiceAccount"): {"secrets": "name"},
}

_DIRECTIVE = "$patch"
_RETAIN_KEYS = "$retainKeys"
_DELETE_FROM = "$deleteFromPrimitiveList/"
_SET_ORDER = "$setElementOrder/"


def hints_of(group: str, kind: str) -> Hints:
    """Which lists of a built-in kind are merged, and by which key."""
    return {**METADATA_HINTS, **HINTS.get((group, kind), {})}


def strategic_merge_patch(obj: JSONObject, body: Any, hints: Hints) -> JSONObject:
    """`obj` with a strategic merge patch applied; neither input is changed.

    Raises:
        BadRequest: the patch is not an object, or a directive is malformed.
        Invalid: an element of a merged list has no merge key.
    """
    if not isinstance(body, dict):
        raise errors.BadRequest("Invalid JSON Patch: a strategic merge patch must be an object")
    return _merged(obj, body, hints, "")


def _merged(original: JSONObject, body: JSONObject, hints: Hints, path: str) -> JSONObject:
    body = dict(body)
    match body.pop(_DIRECTIVE, "merge"):
        case "replace":
            replaced: JSONObject = _without_directives(body)
            return replaced
        case "delete":
            return {}
        case "merge":
            merged = _retained(original, body)
        case unknown:
            raise errors.BadRequest(f"unknown patch type {unknown!r} in map")
    orders = {
        name.removeprefix(_SET_ORDER): body.pop(name) for name in list(body) if name.startswith(_SET_ORDER)
    }
    for name, value in body.items():
        if name.startswith(_DELETE_FROM):
            _delete_scalars(merged, name.removeprefix(_DELETE_FROM), value)
        elif value is None:
            merged.pop(name, None)
        else:
            merged[name] = _value(merged.get(name), value, hints, f"{path}.{name}" if path else name)
    for name, order in orders.items():
        _set_order(merged, body, name, order, hints.get(f"{path}.{name}" if path else name, ""), original)
    return merged


def _value(original: Any, value: Any, hints: Hints, path: str) -> Any:
    if isinstance(value, dict):
        if isinstance(original, dict):
            return _merged(original, value, hints, path)
        return _without_directives(value)
    if isinstance(value, list):
        if path in hints and isinstance(original, list):
            return _merged_list(original, value, hints, path)
        return _without_directives(value)
    return value


def _retained(original: JSONObject, body: JSONObject) -> JSONObject:
    """A copy of `original` with only the keys of ``$retainKeys``, which is taken out of `body`."""
    if _RETAIN_KEYS not in body:
        return dict(original)
    keys = body.pop(_RETAIN_KEYS)
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise errors.BadRequest("invalid patch format of retainKeys: must be a list of keys")
    keys = frozenset(keys)
    for name, value in body.items():
        if value is not None and not name.startswith("$") and name not in keys:
            raise errors.BadRequest(
                "invalid patch format of retainKeys: patch has a key that is not retained"
            )
    return {name: value for name, value in original.items() if name in keys}


def _merged_list(original: list[Any], items: list[Any], hints: Hints, path: str) -> list[Any]:
    merge_key = hints[path]
    if not merge_key:
        merged = _deduplicated([*original, *items])
        return listorder.arranged(merged, items, original, _scalar)
    identity = _identity_by(merge_key)
    remaining, additions = _list_directives(original, items, identity)
    if additions is None:
        return remaining
    merged = list(remaining)
    positions = {identity(item): index for index, item in enumerate(merged)}
    for item in additions:
        position = positions.get(identity(item))
        if position is None:
            positions[identity(item)] = len(merged)
            merged.append(_without_directives(item))
        else:
            merged[position] = _merged(merged[position], item, hints, path)
    return listorder.arranged(merged, additions, original, identity)


def _list_directives(
    original: list[Any], items: list[Any], identity: Callable[[Any], Any]
) -> tuple[list[Any], list[Any] | None]:
    """What is left of the original and what is to be merged; None for that if the list is replaced."""
    ordinary = []
    deleted = set()
    is_replaced = False
    for item in items:
        if not isinstance(item, dict) or _DIRECTIVE not in item:
            identity(item)
            ordinary.append(item)
        elif item[_DIRECTIVE] == "delete":
            deleted.add(identity(item))
        elif item[_DIRECTIVE] == "replace":
            is_replaced = True
        else:
            raise errors.BadRequest(f"unknown patch type {item[_DIRECTIVE]!r} in list")
    if is_replaced:
        return [_without_directives(item) for item in ordinary], None
    return [item for item in original if identity(item) not in deleted], ordinary


def _identity_by(merge_key: str) -> Callable[[Any], Any]:
    def identity(item: Any) -> Any:
        value = item.get(merge_key) if isinstance(item, dict) else None
        if value is None or isinstance(value, dict | list):
            raise patch.rejected(f"map does not contain declared merge key: {merge_key}")
        return value

    return identity


def _delete_scalars(merged: JSONObject, name: str, doomed: Any) -> None:
    if not isinstance(doomed, list):
        raise errors.BadRequest("invalid patch format of primitive list: must be a list")
    if isinstance(merged.get(name), list):
        unwanted = {_scalar(item) for item in doomed}
        merged[name] = [item for item in merged[name] if _scalar(item) not in unwanted]


def _set_order(
    merged: JSONObject, body: JSONObject, name: str, order: Any, merge_key: str, original: JSONObject
) -> None:
    """Bring a merged list into the order that the client saw; items it did not see keep their place."""
    if not isinstance(order, list):
        raise errors.BadRequest("invalid patch format of setElementOrder list: must be a list")
    items = body.get(name)
    if not isinstance(items, list | None):
        raise errors.BadRequest("invalid patch format of setElementOrder list: its field must be a list")
    identity = _identity_by(merge_key) if merge_key else _scalar
    known = {identity(item) for item in order}
    for item in items or []:
        is_deletion = isinstance(item, dict) and item.get(_DIRECTIVE) == "delete"
        if not is_deletion and identity(item) not in known:
            raise errors.BadRequest(
                "invalid patch format of setElementOrder list: the patch has an item that is not in the order"
            )
    if isinstance(merged.get(name), list):
        before = original.get(name)
        server_order = before if isinstance(before, list) else []
        merged[name] = listorder.arranged(merged[name], order, server_order, identity)


def _deduplicated(items: list[Any]) -> list[Any]:
    return list({_scalar(item): item for item in items}.values())


def _scalar(item: Any) -> Any:
    """What tells scalars apart: in Python `True` is equal to 1, in JSON it is not."""
    if isinstance(item, dict | list):
        raise patch.rejected("a merged list of scalars holds something else")
    return isinstance(item, bool), item


def _without_directives(value: Any) -> Any:
    """A copy of a patch's value for a place where there is nothing to merge with: no nulls, no directives."""
    if isinstance(value, dict):
        if value.get(_DIRECTIVE) == "delete":
            return {}
        return {
            name: _without_directives(item)
            for name, item in value.items()
            if item is not None and not name.startswith((_DIRECTIVE, _RETAIN_KEYS, _DELETE_FROM, _SET_ORDER))
        }
    if isinstance(value, list):
        return [
            _without_directives(item)
            for item in value
            if not (isinstance(item, dict) and item.get(_DIRECTIVE) in ("delete", "replace"))
        ]
    return value
