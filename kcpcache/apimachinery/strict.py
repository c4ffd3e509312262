"""Decodes request bodies: JSON and YAML, with the fields that occur twice.

JSON is read by orjson. Duplicates, which it does not see, are looked for only when asked, and parsed for only
when the body is longer than what was read from it.
"""

from __future__ import annotations

import json
from typing import Any

import orjson

from kcpcache.apimachinery import nesting, trail, yamldocuments
from kcpcache.apimachinery.errors import BadRequest
from kcpcache.apimachinery.trail import Trail

JSONObject = dict[str, Any]

MAX_NESTING = nesting.MAX_LEVELS
MAX_DUPLICATES = 100


def decode_json(body: bytes, *, find_duplicates: bool = False) -> tuple[JSONObject, list[str]]:
    """The object of a JSON body.

    Args:
        body: one JSON object in UTF-8.
        find_duplicates: also look for fields that occur twice (fieldValidation Strict or Warn).
    Returns:
        the object, and messages such as ``duplicate field "spec.a"``.
    Raises:
        BadRequest: no JSON, no object, nested too deep, or numbers that JSON does not have.
    """
    try:
        obj = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"unable to decode JSON: {error}") from error
    obj = _object(obj)
    _refuse_deep_nesting(obj, body)
    if not find_duplicates or len(orjson.dumps(obj)) == len(body):
        return obj, []
    return obj, _duplicates(body)


def decode_yaml(body: bytes, *, find_duplicates: bool = True) -> tuple[JSONObject, list[str]]:
    """The object of a YAML body, as sigs.k8s.io/yaml reads it (YAML 1.1, timestamps stay strings).

    Args:
        body: one YAML document in UTF-8.
        find_duplicates: also give fields that occur twice; they cost nothing here.
    Returns:
        the object, and messages such as ``duplicate field "spec.a"``.
    Raises:
        BadRequest: no YAML, no mapping, several documents, nested too deep, or aliases that multiply.
    """
    obj, duplicates = _document(body)
    return _object(obj), duplicates if find_duplicates else []


def decode_document(text: bytes) -> tuple[JSONObject | None, list[str]]:
    """The object of one document of a file, YAML or JSON; None where there is nothing in it.

    Returns:
        the object, and messages such as ``duplicate field "spec.a"``.
    Raises:
        BadRequest: it cannot be read, or is no object.
    """
    if text.lstrip()[:1] == b"{":
        try:
            return decode_json(text, find_duplicates=True)
        except BadRequest as error:
            if not isinstance(error.__cause__, orjson.JSONDecodeError):
                raise
            # YAML in its flow style begins like JSON.
    obj, duplicates = _document(text)
    return (None if obj is None else _object(obj)), duplicates


def _document(text: bytes) -> tuple[Any, list[str]]:
    documents = list(yamldocuments.documents(text, max_nesting=MAX_NESTING, max_documents=1))
    obj, duplicates = documents[0] if documents else (None, [])
    return obj, [f'duplicate field "{path}"' for path in duplicates]


def _object(obj: Any) -> JSONObject:
    if not isinstance(obj, dict):
        raise BadRequest("the body must be an object")
    return obj


def _refuse_deep_nesting(obj: JSONObject, body: bytes) -> None:
    """Counting brackets settles it for nearly every body; the others are walked level by level."""
    if body.count(b"{") + body.count(b"[") <= MAX_NESTING:
        return
    if nesting.is_too_deep(obj):
        raise BadRequest(f"the body is nested deeper than {MAX_NESTING} levels")


class _Repeated(dict[str, Any]):
    """An object some of whose fields occurred twice."""

    names: list[str]


def _object_of(pairs: list[tuple[str, Any]]) -> JSONObject:
    obj = dict(pairs)
    if len(obj) == len(pairs):
        return obj
    repeated = _Repeated(obj)
    seen: set[str] = set()
    repeated.names = [name for name, _ in pairs if name in seen or seen.add(name)]  # type: ignore[func-returns-value]
    return repeated


def _duplicates(body: bytes) -> list[str]:
    """What orjson already accepted, read again by the slower parser that shows every pair."""
    found: list[str] = []
    pending: list[tuple[Any, Trail]] = [(json.loads(body, object_pairs_hook=_object_of), None)]
    while pending and len(found) < MAX_DUPLICATES:
        value, place = pending.pop()
        if isinstance(value, _Repeated):
            found += [trail.rendered(place, name=name) for name in dict.fromkeys(value.names)]
        children = value.items() if isinstance(value, dict) else enumerate(value)
        pending += [(child, (place, step)) for step, child in children if isinstance(child, dict | list)]
    return [f'duplicate field "{path}"' for path in found[:MAX_DUPLICATES]]
