import copy
from typing import Any

import pytest

from kcpcache.apimachinery import errors, strategic

HINTS = {
    **strategic.METADATA_HINTS,
    "spec.ports": "port",
    "spec.ports.hosts": "",
    "status.conditions": "type",
}
LIVE: dict[str, Any] = {
    "metadata": {"labels": {"a": "1", "b": "2"}, "finalizers": ["x/a", "x/b"]},
    "spec": {
        "ports": [{"port": 1, "name": "one", "hosts": ["h1"]}, {"port": 2, "name": "two"}],
        "args": ["a", "b"],
    },
}


def patched(body: dict[str, Any]) -> dict[str, Any]:
    before = copy.deepcopy((LIVE, body))
    result = strategic.strategic_merge_patch(LIVE, body, HINTS)
    assert (LIVE, body) == before
    return result


def test_maps_merge_and_null_deletes() -> None:
    assert patched({"metadata": {"labels": {"a": None, "c": "3"}}})["metadata"]["labels"] == {
        "b": "2",
        "c": "3",
    }


def test_lists_without_a_hint_are_replaced() -> None:
    assert patched({"spec": {"args": ["c"]}})["spec"]["args"] == ["c"]


def test_keyed_lists_merge_and_new_items_follow_the_order_of_the_patch() -> None:
    ports = patched({"spec": {"ports": [{"port": 3}, {"port": 2, "name": "zwei", "hosts": ["h"]}]}})["spec"][
        "ports"
    ]
    assert ports == [
        {"port": 3},
        {"port": 1, "name": "one", "hosts": ["h1"]},
        {"port": 2, "name": "zwei", "hosts": ["h"]},
    ]


def test_scalar_lists_merge_as_sets() -> None:
    assert patched({"metadata": {"finalizers": ["x/c", "x/a"]}})["metadata"]["finalizers"] == [
        "x/c",
        "x/a",
        "x/b",
    ]
    ports = patched({"spec": {"ports": [{"port": 1, "hosts": ["h2"]}]}})["spec"]["ports"]
    assert ports[0]["hosts"] == ["h2", "h1"]


def test_elements_are_deleted_by_directive() -> None:
    assert patched({"spec": {"ports": [{"port": 1, "$patch": "delete"}]}})["spec"]["ports"] == [
        {"port": 2, "name": "two"}
    ]
    body = {"metadata": {"$deleteFromPrimitiveList/finalizers": ["x/a"]}}
    assert patched(body)["metadata"]["finalizers"] == ["x/b"]


def test_replace_directive_replaces_maps_and_lists() -> None:
    assert patched({"metadata": {"labels": {"$patch": "replace", "z": "9"}}})["metadata"]["labels"] == {
        "z": "9"
    }
    assert patched({"spec": {"ports": [{"$patch": "replace"}, {"port": 9}]}})["spec"]["ports"] == [
        {"port": 9}
    ]
    assert patched({"metadata": {"labels": {"$patch": "delete"}}})["metadata"]["labels"] == {}


def test_retain_keys_drops_the_others() -> None:
    body = {"metadata": {"labels": {"$retainKeys": ["a", "c"], "c": "3"}}}
    assert patched(body)["metadata"]["labels"] == {"a": "1", "c": "3"}


def test_set_element_order_arranges_the_list() -> None:
    body: dict[str, Any] = {
        "spec": {
            "$setElementOrder/ports": [{"port": 2}, {"port": 3}, {"port": 1}],
            "ports": [{"port": 3}],
        }
    }
    assert [item["port"] for item in patched(body)["spec"]["ports"]] == [2, 3, 1]
    body = {"metadata": {"$setElementOrder/finalizers": ["x/b", "x/a"]}}
    assert patched(body)["metadata"]["finalizers"] == ["x/b", "x/a"]


def test_items_the_client_did_not_see_keep_their_place() -> None:
    body = {"spec": {"$setElementOrder/ports": [{"port": 2}], "ports": [{"port": 2, "name": "zwei"}]}}
    assert [item["port"] for item in patched(body)["spec"]["ports"]] == [1, 2]


def test_directives_never_reach_the_object() -> None:
    body = {
        "new": {
            "$retainKeys": ["a"],
            "$setElementOrder/l": ["a"],
            "a": {"$patch": "merge", "b": None},
            "l": [{"$patch": "delete"}],
        }
    }
    assert patched(body)["new"] == {"a": {}, "l": []}


def test_new_keyed_list_is_taken_as_it_is() -> None:
    body = {"status": {"conditions": [{"type": "Ready", "x": None}]}}
    assert patched(body)["status"] == {"conditions": [{"type": "Ready"}]}


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ([], errors.BadRequest),
        ({"$patch": "explode"}, errors.BadRequest),
        ({"spec": {"ports": [{"$patch": "merge"}]}}, errors.BadRequest),
        ({"spec": {"ports": [{"name": "x"}]}}, errors.Invalid),
        ({"spec": {"ports": ["x"]}}, errors.Invalid),
        ({"metadata": {"finalizers": [{}]}}, errors.Invalid),
        ({"metadata": {"labels": {"$retainKeys": ["a"], "c": "3"}}}, errors.BadRequest),
        ({"metadata": {"labels": {"$retainKeys": "a"}}}, errors.BadRequest),
        ({"spec": {"$setElementOrder/ports": [{"port": 2}], "ports": [{"port": 3}]}}, errors.BadRequest),
        ({"spec": {"$setElementOrder/ports": 1}}, errors.BadRequest),
        ({"metadata": {"$deleteFromPrimitiveList/finalizers": "x"}}, errors.BadRequest),
    ],
)
def test_bad_strategic_patch_is_refused(body: Any, error: type[errors.APIError]) -> None:
    with pytest.raises(error):
        strategic.strategic_merge_patch(LIVE, body, HINTS)


def test_hints_of_built_in_kinds() -> None:
    assert strategic.hints_of("", "ServiceAccount")["secrets"] == "name"
    assert strategic.hints_of("", "ConfigMap") == strategic.METADATA_HINTS


@pytest.mark.parametrize("value", [5, "a", {"a": 1}, True])
def test_order_of_what_is_no_list_is_a_bad_request(value: Any) -> None:
    with pytest.raises(errors.BadRequest, match="must be a list"):
        patched({"metadata": {"$setElementOrder/finalizers": ["x/a"], "finalizers": value}})


def test_order_of_a_list_that_replaces_a_map_is_taken() -> None:
    body = {"metadata": {"$setElementOrder/labels": ["b", "a"], "labels": ["a", "b"]}}
    assert patched(body)["metadata"]["labels"] == ["b", "a"]
