"""Coercion of metadata to ObjectMeta."""

from __future__ import annotations

from typing import Any

import pytest

from kcpcache.apimachinery.schema.objectmeta import clean_metadata


def test_known_fields_stay_and_unknown_ones_are_named() -> None:
    metadata: dict[str, Any] = {
        "name": "a",
        "creationTimestamp": None,
        "labels": {"a": "b"},
        "foo": 1,
        "ownerReferences": [{"kind": "A", "name": "n", "uid": "u", "apiVersion": "v1", "x": 1}],
    }
    cleaned, causes, unknown = clean_metadata(metadata)
    assert causes == []
    assert unknown == ["metadata.foo", "metadata.ownerReferences[0].x"]
    assert cleaned == {
        "name": "a",
        "labels": {"a": "b"},
        "ownerReferences": [{"kind": "A", "name": "n", "uid": "u", "apiVersion": "v1"}],
    }


@pytest.mark.parametrize(
    ("metadata", "field"),
    [
        ({"name": 1}, "metadata.name"),
        ({"labels": {"a": 1}}, "metadata.labels.a"),
        ({"labels": []}, "metadata.labels"),
        ({"finalizers": [1]}, "metadata.finalizers[0]"),
        ({"generation": "1"}, "metadata.generation"),
        ({"generation": True}, "metadata.generation"),
        ({"creationTimestamp": "now"}, "metadata.creationTimestamp"),
        ({"creationTimestamp": "2024-01-01t00:00:00z"}, "metadata.creationTimestamp"),
        ({"managedFields": [{"time": "2024-01-01T00:00:00+99:99"}]}, "metadata.managedFields[0].time"),
        ({"ownerReferences": [{"controller": "yes"}]}, "metadata.ownerReferences[0].controller"),
    ],
)
def test_wrong_types_give_a_cause(metadata: dict[str, Any], field: str) -> None:
    _, causes, _ = clean_metadata(metadata)
    assert [(cause.field, cause.reason) for cause in causes] == [(field, "FieldValueTypeInvalid")]


def test_null_annotation_is_the_empty_string_as_in_go() -> None:
    assert clean_metadata({"annotations": {"a": None}})[0] == {"annotations": {"a": ""}}
