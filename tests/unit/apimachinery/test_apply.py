import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kcpcache.apimachinery import errors
from kcpcache.apimachinery.apply import merge
from kcpcache.apimachinery.objects import LAST_APPLIED_ANNOTATION

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "properties": {
                "size": {"type": "integer"},
                "args": {"type": "array"},
                "tags": {"type": "array", "x-kubernetes-list-type": "set"},
                "ports": {
                    "type": "array",
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["port", "protocol"],
                    "items": {
                        "type": "object",
                        "properties": {"port": {}, "protocol": {"default": "TCP"}, "name": {}, "note": {}},
                    },
                },
                "limits": {"type": "object", "x-kubernetes-map-type": "atomic", "additionalProperties": {}},
                "options": {"type": "object", "additionalProperties": {}},
                "inner": {"type": "object", "properties": {"a": {}, "b": {}}},
                "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
            },
        },
        "status": {"type": "object"},
    },
}


def thing(spec: Any = None, metadata: dict[str, Any] | None = None, **rest: Any) -> dict[str, Any]:
    obj = {"apiVersion": "x.io/v1", "kind": "Thing", "metadata": {"name": "t", **(metadata or {})}, **rest}
    return obj if spec is None else {**obj, "spec": spec}


def apply(
    live: dict[str, Any] | None, applied: dict[str, Any], manager: str = "alice", **options: Any
) -> dict[str, Any]:
    before = copy.deepcopy((live, applied))
    options = {"force": False, "now": "2024-01-01T00:00:00Z", "schema": SCHEMA, **options}
    result = merge.apply(live, applied, manager=manager, api_version="x.io/v1", **options)
    assert (live, applied) == before
    return result


def update(
    live: dict[str, Any] | None, new: dict[str, Any], manager: str = "bob", **options: Any
) -> dict[str, Any]:
    before = copy.deepcopy((live, new))
    options = {"now": "2024-01-02T00:00:00Z", "schema": SCHEMA, "api_version": "x.io/v1", **options}
    result = merge.update(live, new, manager=manager, **options)
    assert (live, new) == before
    return result


def owned(obj: dict[str, Any], manager: str) -> Any:
    for entry in obj["metadata"].get("managedFields", []):
        if entry["manager"] == manager:
            return entry["fieldsV1"]
    return None


def test_create_gives_every_path_to_the_creator() -> None:
    spec = {"size": 1, "tags": ["a"], "ports": [{"port": 1}], "limits": {"x": 1}, "args": ["z"], "inner": {}}
    obj = update(None, thing(spec, {"labels": {"l": "1"}, "uid": "u"}))
    (entry,) = obj["metadata"]["managedFields"]
    assert entry == {
        "manager": "bob",
        "operation": "Update",
        "apiVersion": "x.io/v1",
        "time": "2024-01-02T00:00:00Z",
        "fieldsType": "FieldsV1",
        "fieldsV1": {
            "f:metadata": {"f:labels": {".": {}, "f:l": {}}},
            "f:spec": {
                ".": {},
                "f:size": {},
                "f:tags": {".": {}, 'v:"a"': {}},
                "f:ports": {".": {}, 'k:{"port":1,"protocol":"TCP"}': {".": {}, "f:port": {}}},
                "f:limits": {},
                "f:args": {},
                "f:inner": {},
            },
        },
    }


def test_update_moves_ownership_of_what_changed() -> None:
    live = update(None, thing({"size": 1, "inner": {"a": 1, "b": 1}}), "alice")
    obj = update(live, thing({"size": 2, "inner": {"a": 1}}), "bob")
    assert owned(obj, "alice") == {"f:spec": {".": {}, "f:inner": {".": {}, "f:a": {}}}}
    assert owned(obj, "bob") == {"f:spec": {"f:size": {}}}


def test_managers_without_fields_are_dropped() -> None:
    live = update(None, thing({"size": 1}), "alice")
    live = update(live, thing({"size": 2}), "bob")
    live = update(live, thing(), "carol")
    assert "managedFields" not in live["metadata"]


def test_update_that_changes_nothing_keeps_entries_and_times() -> None:
    live = update(None, thing({"size": 1}), "alice")
    assert update(live, thing({"size": 1}), "bob", now="2030-01-01T00:00:00Z") == live
    assert update(live, live, "alice", now="2030-01-01T00:00:00Z") == live


def test_system_metadata_has_no_owner() -> None:
    metadata = {
        "uid": "u",
        "creationTimestamp": "x",
        "generation": 1,
        "resourceVersion": "1",
        "namespace": "n",
    }
    assert "managedFields" not in update(None, thing(None, metadata))["metadata"]


def test_status_and_main_endpoint_own_their_own_part() -> None:
    live = update(None, thing({"size": 1}, status={"ready": True}), "alice", has_status=True)
    assert owned(live, "alice") == {"f:spec": {".": {}, "f:size": {}}}
    obj = update(live, {**live, "status": {"ready": False}}, "alice", subresource="status", has_status=True)
    assert [entry.get("subresource") for entry in obj["metadata"]["managedFields"]] == [None, "status"]
    assert obj["metadata"]["managedFields"][1]["fieldsV1"] == {"f:status": {"f:ready": {}}}


def test_client_may_reset_and_edit_managed_fields() -> None:
    live = update(None, thing({"size": 1}), "alice")
    reset = update(live, thing({"size": 1}, {"managedFields": [{}]}))
    assert "managedFields" not in reset["metadata"]
    kept = update(live, thing({"size": 1}, {"managedFields": []}))
    assert kept == live
    entries = [{**live["metadata"]["managedFields"][0], "manager": "zoe"}]
    assert owned(update(live, thing({"size": 1}, {"managedFields": entries})), "zoe")


@pytest.mark.parametrize(
    "entry",
    [1, {"manager": 3}, {"operation": "x"}, {"operation": "Update", "fieldsType": "FieldsV1", "fieldsV1": 1}],
)
def test_nonsense_managed_fields_of_a_client_do_not_count(entry: Any) -> None:
    live = update(None, thing({"size": 1}), "alice")
    assert update(live, thing({"size": 1}, {"managedFields": [entry]})) == live


def test_old_updaters_are_merged_into_ancient_changes() -> None:
    live = update(None, thing({"free": {"f0": 0}}), "m00", now="2024-01-01T00:00:00Z")
    for index in range(1, 15):
        spec = {"free": {**live["spec"]["free"], f"f{index}": index}}
        live = update(live, thing(spec), f"m{index:02}", now=f"2024-01-01T00:00:{index:02}Z")
    managers = [entry["manager"] for entry in live["metadata"]["managedFields"]]
    assert managers == ["ancient-changes", *[f"m{index:02}" for index in range(6, 15)]]
    assert set(owned(live, "ancient-changes")["f:spec"]["f:free"]) == {
        ".",
        "f:f0",
        "f:f1",
        "f:f2",
        "f:f3",
        "f:f4",
        "f:f5",
    }


def test_apply_creates_and_claims_leaves() -> None:
    obj = apply(None, thing({"inner": {"a": 1}, "options": {"o": {}}}, status={"x": 1}), has_status=True)
    assert obj["spec"] == {"inner": {"a": 1}, "options": {"o": {}}}
    assert "status" not in obj
    (entry,) = obj["metadata"]["managedFields"]
    assert (entry["operation"], entry["time"]) == ("Apply", "2024-01-01T00:00:00Z")
    assert entry["fieldsV1"] == {"f:spec": {"f:inner": {"f:a": {}}, "f:options": {"f:o": {}}}}


def test_apply_merges_lists_by_key() -> None:
    live = update(
        None, thing({"ports": [{"port": 1, "note": "n"}, {"port": 2}], "tags": ["a", "b"], "args": ["x"]})
    )
    obj = apply(live, thing({"ports": [{"port": 3}, {"port": 1, "name": "one"}], "tags": ["c"]}))
    assert obj["spec"]["ports"] == [{"port": 3}, {"port": 1, "note": "n", "name": "one"}, {"port": 2}]
    assert sorted(obj["spec"]["tags"]) == ["a", "b", "c"]
    assert obj["spec"]["args"] == ["x"]


def test_apply_removes_what_it_no_longer_applies_and_nobody_else_owns() -> None:
    live = apply(None, thing({"size": 1, "inner": {"a": 1}, "tags": ["x"]}, {"labels": {"l": "1"}}), "alice")
    live = apply(live, thing({"tags": ["x", "y"]}), "bob")
    live = update(live, {**live, "spec": {**live["spec"], "options": {"k": "v"}}}, "carol")
    obj = apply(live, thing({"size": 1}), "alice")
    assert obj["spec"] == {"size": 1, "tags": ["x", "y"], "options": {"k": "v"}}
    assert "labels" not in obj["metadata"]
    assert owned(obj, "alice") == {"f:spec": {"f:size": {}}}


def test_apply_keeps_a_list_item_that_somebody_else_owns_a_field_of() -> None:
    live = apply(None, thing({"ports": [{"port": 1, "name": "one"}]}), "alice")
    ports = [{"port": 1, "name": "one", "note": "n"}]
    live = apply(live, thing({"ports": [{"port": 1, "note": "n"}]}), "bob")
    assert live["spec"]["ports"] == ports
    obj = apply(live, thing({"size": 1}), "alice")
    assert obj["spec"] == {"ports": [{"port": 1, "note": "n"}], "size": 1}


def test_conflict_names_manager_and_field() -> None:
    live = update(None, thing({"size": 1}), "kubectl-edit")
    with pytest.raises(errors.Conflict) as caught:
        apply(live, thing({"size": 2}))
    assert caught.value.message == (
        'Apply failed with 1 conflict: conflict with "kubectl-edit" using x.io/v1: .spec.size'
    )
    assert caught.value.status()["details"] == {
        "causes": [
            {
                "reason": "FieldManagerConflict",
                "message": 'conflict with "kubectl-edit" using x.io/v1',
                "field": ".spec.size",
            }
        ]
    }


def test_several_conflicts_are_listed_by_manager() -> None:
    live = apply(None, thing({"size": 1, "tags": ["x"]}), "a")
    live = update(live, {**live, "spec": {**live["spec"], "limits": {"c": 1}}}, "b", subresource="x")
    with pytest.raises(errors.Conflict) as caught:
        apply(live, thing({"size": 2, "limits": {"c": 2}}), "z")
    assert caught.value.message == (
        'Apply failed with 2 conflicts: conflicts with "a":\n- .spec.size\n'
        'conflicts with "b" with subresource "x" using x.io/v1:\n- .spec.limits'
    )


def test_equal_value_is_shared_and_force_takes() -> None:
    live = apply(None, thing({"size": 1}), "a")
    shared = apply(live, thing({"size": 1}), "b")
    assert owned(shared, "a") == owned(shared, "b") == {"f:spec": {"f:size": {}}}
    forced = apply(shared, thing({"size": 2}), "b", force=True)
    assert owned(forced, "a") is None
    assert forced["spec"]["size"] == 2


def test_applying_onto_an_object_without_managers_meets_before_first_apply() -> None:
    live = thing({"size": 1}, {"uid": "u"})
    with pytest.raises(errors.Conflict, match="before-first-apply"):
        apply(live, thing({"size": 2}))
    obj = apply(live, thing({"size": 1}))
    assert owned(obj, "before-first-apply") == {"f:spec": {".": {}, "f:size": {}}}


def test_apply_to_status_leaves_the_rest() -> None:
    live = update(None, thing({"size": 1}), "a", has_status=True)
    applied = thing({"size": 9}, {"labels": {"no": "no"}}, status={"ready": True})
    obj = apply(live, applied, subresource="status", has_status=True)
    assert obj["spec"] == {"size": 1}
    assert obj["status"] == {"ready": True}
    assert "labels" not in obj["metadata"]
    assert obj["metadata"]["managedFields"][0]["subresource"] == "status"


def test_kubectl_takes_over_what_it_applied_client_side() -> None:
    last = json.dumps(thing({"size": 1, "inner": {"a": 1}}))
    annotation = {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": last}}
    live = update(None, thing({"size": 1, "inner": {"a": 1}}, annotation), "kubectl-client-side-apply")
    obj = apply(live, thing({"size": 2, "inner": {"a": 1}}), "kubectl")
    assert obj["spec"]["size"] == 2
    kept = obj["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"]
    assert json.loads(kept) == thing({"size": 2, "inner": {"a": 1}})
    edited = update(live, {**live, "spec": {"size": 7, "inner": {"a": 1}}}, "kubectl-edit")
    with pytest.raises(errors.Conflict, match="kubectl-edit"):
        apply(edited, thing({"size": 2}), "kubectl")


@pytest.mark.parametrize(
    ("applied", "message"),
    [
        (thing(metadata={"managedFields": [{}]}), "metadata.managedFields must be nil"),
        ({**thing(), "apiVersion": "x.io/v2"}, "Incorrect version specified in apply patch"),
        (thing({"tags": ["a", "a"]}), "duplicate entries for key"),
        (thing({"ports": [{"name": "x"}]}), "omits a key field"),
    ],
)
def test_bad_configuration_is_refused(applied: dict[str, Any], message: str) -> None:
    with pytest.raises(errors.BadRequest, match=message):
        apply(None, applied)


def test_without_schema_maps_are_granular_and_lists_atomic() -> None:
    obj = apply(None, thing({"m": {"a": 1}, "l": [{"name": "x"}]}), schema=None)
    assert owned(obj, "alice") == {"f:spec": {".": {}, "f:m": {".": {}, "f:a": {}}, "f:l": {}}}
    other = apply(obj, thing({"m": {"b": 1}}), "bob", schema=None)
    assert other["spec"]["m"] == {"a": 1, "b": 1}


def test_strip_removes_managed_fields_only() -> None:
    assert merge.strip(update(None, thing({"size": 1}))) == thing({"size": 1})


keys = st.sampled_from(["a", "b"])
specs = st.fixed_dictionaries(
    {},
    optional={
        "size": st.integers(0, 2),
        "args": st.lists(st.integers(0, 2), max_size=2),
        "tags": st.lists(st.sampled_from("xyz"), unique=True, max_size=3),
        "ports": st.lists(
            st.fixed_dictionaries({"port": st.integers(1, 3)}, optional={"name": keys, "note": keys}),
            unique_by=lambda item: item["port"],
            max_size=3,
        ),
        "limits": st.dictionaries(keys, st.integers(0, 1), max_size=2),
        "options": st.dictionaries(keys, st.integers(0, 1), max_size=2),
        "inner": st.dictionaries(keys, st.integers(0, 1), max_size=2),
        "free": st.dictionaries(keys, st.lists(st.integers(0, 1), max_size=1), max_size=2),
    },
)


def contains(value: Any, part: Any) -> bool:
    if isinstance(part, dict):
        return isinstance(value, dict) and all(contains(value.get(name), item) for name, item in part.items())
    if isinstance(part, list):
        return isinstance(value, list) and all(any(contains(found, item) for found in value) for item in part)
    return bool(value == part)


@given(specs, specs, specs, st.booleans())
@settings(max_examples=60, deadline=None)
def test_apply_twice_is_once_and_the_configuration_wins(
    first: Any, second: Any, third: Any, has_schema: bool
) -> None:
    schema = SCHEMA if has_schema else None
    live = update(None, thing(first), "bob", schema=schema)
    live = apply(live, thing(second), force=True, schema=schema)
    once = apply(live, thing(third), force=True, schema=schema)
    assert contains(once["spec"], third)
    assert apply(once, thing(third), schema=schema, now="2031-01-01T00:00:00Z") == once


@given(specs, specs)
@settings(max_examples=40, deadline=None)
def test_single_applier_gets_exactly_its_configuration(first: Any, second: Any) -> None:
    obj = apply(apply(None, thing(first)), thing(second))

    def plain(value: Any) -> Any:
        """Lists that merge have no order of their own; emptied containers may stay."""
        if isinstance(value, dict):
            return {name: found for name, item in value.items() if (found := plain(item)) not in ({}, [])}
        return (
            sorted((plain(item) for item in value), key=lambda item: json.dumps(item, sort_keys=True))
            if isinstance(value, list)
            else value
        )

    assert plain(obj.get("spec") or {}) == plain(second)


@pytest.mark.parametrize(("before", "after"), [(True, 1), (0, False), ([1], [True]), ({"x": 1}, {"x": True})])
def test_booleans_that_replace_numbers_are_changes(before: Any, after: Any) -> None:
    live = update(None, thing({"free": {"a": before}}), "alice")
    updated = update(live, thing({"free": {"a": after}}, live["metadata"]), "bob")
    owners = {
        entry["manager"]: json.dumps(entry["fieldsV1"]) for entry in updated["metadata"]["managedFields"]
    }
    assert '"f:a"' in owners["bob"]
    with pytest.raises(errors.Conflict):
        apply(live, thing({"free": {"a": after}}), "carol")


def test_same_number_written_otherwise_is_no_change() -> None:
    live = update(None, thing({"free": {"a": 1}}), "alice")
    updated = update(live, thing({"free": {"a": 1.0}}, live["metadata"]), "bob")
    assert [entry["manager"] for entry in updated["metadata"]["managedFields"]] == ["alice"]


@pytest.mark.parametrize("annotations", [5, "a", [1], True])
def test_kubectl_applies_annotations_that_are_no_map_and_the_write_refuses_them(annotations: Any) -> None:
    live = thing({"size": 1}, {"annotations": {LAST_APPLIED_ANNOTATION: "{}"}})
    for present in (None, live):
        applied = apply(present, thing({"size": 1}, {"annotations": annotations}), "kubectl", force=True)
        assert applied["metadata"]["annotations"] == annotations


def test_last_applied_annotation_that_nests_without_end_is_nobodys() -> None:
    nested = '{"a":' * 900 + "1" + "}" * 900
    text = '{"apiVersion":"x.io/v1","spec":{"size":1,"free":' + nested + "}}"
    live = update(None, thing({"size": 1}, {"annotations": {LAST_APPLIED_ANNOTATION: text}}), "alice")
    with pytest.raises(errors.Conflict):
        apply(live, thing({"size": 2}), "kubectl")
