"""Kubectl's way from client-side to server-side apply.

Client-side apply keeps what it applied in an annotation. The first server-side apply of the manager
`kubectl` would conflict with its own former self; what the annotation shows to be its own is taken over,
and the annotation is kept up to date, so that going back works as well.
"""

from __future__ import annotations

import orjson

from kcpcache.apimachinery import nesting
from kcpcache.apimachinery.apply import extract, fieldset
from kcpcache.apimachinery.apply.fieldset import FieldSet
from kcpcache.apimachinery.objects import LAST_APPLIED_ANNOTATION, JSONObject

KUBECTL = "kubectl"


def own_fields(live: JSONObject, schema: JSONObject) -> FieldSet:
    """The fields of the annotation's object that the live object still has with the same values."""
    try:
        last_applied = orjson.loads(_annotations(live).get(LAST_APPLIED_ANNOTATION) or "")
    except orjson.JSONDecodeError:
        return {}
    if not isinstance(last_applied, dict) or last_applied.get("apiVersion") != live.get("apiVersion"):
        return {}
    if nesting.is_too_deep(last_applied):
        return {}
    changed, removed = extract.compare(last_applied, live, schema)
    return fieldset.difference(extract.claimed(last_applied, schema), fieldset.union(changed, removed))


def refresh(obj: JSONObject, applied: JSONObject) -> JSONObject:
    """The object with the annotation, if it has it, brought up to date."""
    if LAST_APPLIED_ANNOTATION not in _annotations(obj):
        return obj
    metadata = applied.get("metadata") or {}
    metadata = {name: value for name, value in metadata.items() if name != "managedFields"}
    if LAST_APPLIED_ANNOTATION in (stated := _annotations(applied)):
        metadata["annotations"] = {
            name: value for name, value in stated.items() if name != LAST_APPLIED_ANNOTATION
        }
    text = orjson.dumps({**applied, "metadata": metadata}, option=orjson.OPT_SORT_KEYS).decode() + "\n"
    return {
        **obj,
        "metadata": {
            **obj["metadata"],
            "annotations": {**_annotations(obj), LAST_APPLIED_ANNOTATION: text},
        },
    }


def _annotations(obj: JSONObject) -> JSONObject:
    """The annotations; none if they are no map, which the write refuses later, with its place."""
    found = (obj.get("metadata") or {}).get("annotations")
    return found if isinstance(found, dict) else {}
