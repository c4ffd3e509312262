"""Reduces `metadata` to what ObjectMeta knows, as Kubernetes does when it decodes an object."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kcpcache.apimachinery import errors, field
from kcpcache.apimachinery.errors import Cause
from kcpcache.apimachinery.schema import containers, formats

JSONObject = dict[str, Any]
MAX_REPORTED = errors.MAX_CAUSES + 1

Clean = Callable[[Any, str, list[Cause], list[str]], Any]


def clean_metadata(metadata: JSONObject) -> tuple[JSONObject, list[Cause], list[str]]:
    """The metadata without unknown fields, nulls and values of wrong types.

    Args:
        metadata: an object's `metadata`, any JSON object; it is left as it is.
    Returns:
        the cleaned copy, the causes (values of wrong types), and the paths of unknown fields, such as
        ``metadata.foo``.
    """
    causes: list[Cause] = []
    unknown: list[str] = []
    cleaned: JSONObject = _clean_object_meta(metadata, "metadata", causes, unknown) or {}
    for name in _OMITTED_WHEN_EMPTY:
        if name in cleaned and not cleaned[name]:
            del cleaned[name]
    return cleaned, causes[:MAX_REPORTED], unknown[:MAX_REPORTED]


def _wrong_type(value: Any, wanted: str, path: str) -> Cause:
    found = containers.json_type(value)
    return field.type_invalid(path, found, f'{path} in body must be of type {wanted}: "{found}"')


def _scalar(kind: type, wanted: str) -> Clean:
    def clean(value: Any, path: str, causes: list[Cause], unknown: list[str]) -> Any:
        if type(value) is kind:
            return value
        causes.append(_wrong_type(value, wanted, path))
        return None

    return clean


def _time(value: Any, path: str, causes: list[Cause], unknown: list[str]) -> Any:
    if not isinstance(value, str) or not formats.is_time(value):
        detail = f"{path} in body must be of type date-time: {field.shown(value)}"
        causes.append(field.type_invalid(path, value, detail))
        return None
    return value


def _any_object(value: Any, path: str, causes: list[Cause], unknown: list[str]) -> Any:
    if isinstance(value, dict):
        return value
    causes.append(_wrong_type(value, "object", path))
    return None


def _string_map(value: Any, path: str, causes: list[Cause], unknown: list[str]) -> Any:
    if not isinstance(value, dict):
        causes.append(_wrong_type(value, "object", path))
        return None
    if all(type(item) is str for item in value.values()):
        return value
    for name, item in value.items():
        if item is not None and type(item) is not str:
            causes.append(_wrong_type(item, "string", f"{path}.{name}"))
    # Go decodes null into the empty string.
    return {name: item or "" for name, item in value.items() if item is None or type(item) is str}


def _list(clean_item: Clean) -> Clean:
    def clean(value: Any, path: str, causes: list[Cause], unknown: list[str]) -> Any:
        if not isinstance(value, list):
            causes.append(_wrong_type(value, "array", path))
            return None
        items = (clean_item(item, f"{path}[{index}]", causes, unknown) for index, item in enumerate(value))
        return [item for item in items if item is not None]

    return clean


def _object(fields: dict[str, Clean]) -> Clean:
    def clean(value: Any, path: str, causes: list[Cause], unknown: list[str]) -> Any:
        if not isinstance(value, dict):
            causes.append(_wrong_type(value, "object", path))
            return None
        cleaned: JSONObject = {}
        for name, item in value.items():
            clean_field = fields.get(name)
            if clean_field is None:
                unknown.append(f"{path}.{name}")
            elif item is not None:
                kept = clean_field(item, f"{path}.{name}", causes, unknown)
                if kept is not None:
                    cleaned[name] = kept
        return cleaned

    return clean


_STRING = _scalar(str, "string")
_INTEGER = _scalar(int, "integer")
_BOOLEAN = _scalar(bool, "boolean")
_OWNER_REFERENCE: dict[str, Clean] = {
    **dict.fromkeys(("apiVersion", "kind", "name", "uid"), _STRING),
    **dict.fromkeys(("controller", "blockOwnerDeletion"), _BOOLEAN),
}
_MANAGED_FIELDS_ENTRY: dict[str, Clean] = {
    **dict.fromkeys(("manager", "operation", "apiVersion", "fieldsType", "subresource"), _STRING),
    "time": _time,
    "fieldsV1": _any_object,
}
_OBJECT_META: dict[str, Clean] = {
    **dict.fromkeys(
        ("name", "generateName", "namespace", "selfLink", "uid", "resourceVersion"),
        _STRING,
    ),
    **dict.fromkeys(("generation", "deletionGracePeriodSeconds"), _INTEGER),
    **dict.fromkeys(("creationTimestamp", "deletionTimestamp"), _time),
    **dict.fromkeys(("labels", "annotations"), _string_map),
    "finalizers": _list(_STRING),
    "ownerReferences": _list(_object(_OWNER_REFERENCE)),
    "managedFields": _list(_object(_MANAGED_FIELDS_ENTRY)),
}
_clean_object_meta = _object(_OBJECT_META)
_OMITTED_WHEN_EMPTY = ("labels", "annotations", "finalizers", "ownerReferences")
