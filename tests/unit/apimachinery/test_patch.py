import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kcpcache.apimachinery import errors, patch

scalars = st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=3)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=4),
)
objects = st.dictionaries(st.sampled_from("abcd"), values, max_size=4)


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: without_nulls(item) for name, item in value.items() if item is not None}
    return value


@pytest.mark.parametrize(
    ("target", "body", "wanted"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merge_patch_follows_the_examples_of_rfc_7386(target: Any, body: Any, wanted: Any) -> None:
    assert patch.merge_patch(target, body) == wanted


@given(objects, objects)
@settings(max_examples=60, deadline=None)
def test_merge_patch_twice_is_once_and_inputs_stay(target: Any, body: Any) -> None:
    before = copy.deepcopy((target, body))
    once = patch.merge_patch(target, body)
    assert patch.merge_patch(once, body) == once
    assert (target, body) == before


@given(objects)
@settings(max_examples=40, deadline=None)
def test_merge_patch_onto_nothing_is_the_patch_without_nulls(body: Any) -> None:
    assert patch.merge_patch({}, body) == without_nulls(body)


@pytest.mark.parametrize("body", [None, [], "a", 1])
def test_merge_patch_that_is_no_object_is_a_bad_request(body: Any) -> None:
    with pytest.raises(errors.BadRequest):
        patch.merge_patch({}, body)


DOCUMENT: dict[str, Any] = {"a": {"b": [1, 2, 3]}, "x/y": 1, "m~n": 2, "": 0}


@pytest.mark.parametrize(
    ("operation", "changes"),
    [
        ({"op": "add", "path": "/c", "value": None}, {"c": None}),
        ({"op": "add", "path": "/a/b/1", "value": 9}, {"a": {"b": [1, 9, 2, 3]}}),
        ({"op": "add", "path": "/a/b/-", "value": 9}, {"a": {"b": [1, 2, 3, 9]}}),
        ({"op": "add", "path": "/a/b/3", "value": 9}, {"a": {"b": [1, 2, 3, 9]}}),
        ({"op": "remove", "path": "/a/b/-1"}, {"a": {"b": [1, 2]}}),
        ({"op": "replace", "path": "/x~1y", "value": 2}, {"x/y": 2}),
        ({"op": "replace", "path": "/m~0n", "value": 3}, {"m~n": 3}),
        ({"op": "replace", "path": "/", "value": 1}, {"": 1}),
        ({"op": "move", "from": "/a/b/0", "path": "/c"}, {"a": {"b": [2, 3]}, "c": 1}),
        ({"op": "copy", "from": "/a/b", "path": "/c"}, {"c": [1, 2, 3]}),
        ({"op": "test", "path": "/a/b", "value": [1, 2, 3]}, {}),
        ({"op": "test", "path": "/nothing", "value": None}, {}),
    ],
)
def test_json_patch_operations(operation: dict[str, Any], changes: dict[str, Any]) -> None:
    before = copy.deepcopy(DOCUMENT)
    assert patch.json_patch(DOCUMENT, [operation]) == {**DOCUMENT, **changes}
    assert before == DOCUMENT


def test_json_patch_replaces_the_whole_document() -> None:
    assert patch.json_patch(DOCUMENT, [{"op": "replace", "path": "", "value": {"k": 1}}]) == {"k": 1}


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "remove", "path": "/c"},
        {"op": "replace", "path": "/c", "value": 1},
        {"op": "add", "path": "/c/d", "value": 1},
        {"op": "add", "path": "/a/b/4", "value": 1},
        {"op": "add", "path": "/a/b/01", "value": 1},
        {"op": "add", "path": "/a/b/x", "value": 1},
        {"op": "add", "path": "c", "value": 1},
        {"op": "add", "path": "/c"},
        {"op": "add", "value": 1},
        {"op": "move", "from": "/a", "path": "/a/b"},
        {"op": "test", "path": "/x~1y", "value": True},
        {"op": "test", "path": "/x~1y", "value": 2},
        {"op": "test", "path": "/missing", "value": 2},
        {"op": "explode", "path": "/a"},
        {"op": "replace", "path": "", "value": []},
    ],
)
def test_json_patch_that_does_not_fit_is_invalid(operation: dict[str, Any]) -> None:
    with pytest.raises(errors.Invalid) as caught:
        patch.json_patch(DOCUMENT, [operation])
    assert caught.value.message == "the server rejected our request due to an error in our request"
    assert caught.value.causes


@pytest.mark.parametrize("operations", [{}, None, [1], "x"])
def test_malformed_json_patch_is_a_bad_request(operations: Any) -> None:
    with pytest.raises(errors.BadRequest):
        patch.json_patch(DOCUMENT, operations)


def test_json_patch_of_too_many_operations_is_refused() -> None:
    with pytest.raises(
        errors.RequestEntityTooLarge, match="maximum operations in a JSON patch is 10000, got 10001"
    ):
        patch.json_patch({}, [{"op": "test", "path": "/a", "value": None}] * 10_001)


def test_copies_that_grow_without_bound_are_refused() -> None:
    doubling = [{"op": "copy", "from": "/a", "path": f"/a/{index}"} for index in range(64)]
    with pytest.raises(errors.Invalid) as caught:
        patch.json_patch({"a": {"seed": "x" * 1000}}, doubling)
    assert "accumulated size" in caught.value.causes[0].message


def test_values_of_operations_are_not_shared_with_the_document() -> None:
    operations: list[dict[str, Any]] = [
        {"op": "add", "path": "/c", "value": {"d": 1}},
        {"op": "add", "path": "/c/e", "value": 2},
    ]
    patch.json_patch({}, operations)
    assert operations[0]["value"] == {"d": 1}


def deep(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(levels - 1):
        value = {"a": value}
    return value


def test_json_patch_that_nests_too_deep_is_invalid() -> None:
    operations = [{"op": "add", "path": "/a" * (120 * count + 1), "value": deep(120)} for count in range(13)]
    with pytest.raises(errors.Invalid) as refused:
        patch.json_patch({}, operations)
    assert "nested deeper than 128 levels" in refused.value.causes[0].message


def test_json_patch_may_nest_as_deep_as_a_body() -> None:
    assert patch.json_patch({}, [{"op": "add", "path": "/a", "value": deep(127)}]) == deep(128)
    with pytest.raises(errors.Invalid):
        patch.json_patch({}, [{"op": "add", "path": "/a", "value": deep(128)}])


@pytest.mark.parametrize(("value", "tested"), [(True, 1), (0, False), ([1], [True])])
def test_json_patch_test_tells_booleans_from_numbers(value: Any, tested: Any) -> None:
    with pytest.raises(errors.Invalid):
        patch.json_patch({"a": value}, [{"op": "test", "path": "/a", "value": tested}])
