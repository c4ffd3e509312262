"""The pipeline of writes, on objects of every origin."""

from __future__ import annotations

from typing import Any

import pytest

from kcpcache.apimachinery import errors, objects
from kcpcache.apimachinery.objects import JSONObject
from kcpcache.apimachinery.storage import DeleteOptions, WriteOptions
from tests.unit.controllers.conftest import crd, on_database
from workspaces.registry import client, rest

pytestmark = on_database
CRDS = ("apiextensions.k8s.io", "customresourcedefinitions")
FLAVORS = ("cloud.example.com", "flavors")


@pytest.fixture
def flavors(cluster: str) -> rest.ResourceStorage:
    client.create(cluster, *CRDS, crd("flavors", "Flavor"))
    return client.storage(cluster, *FLAVORS)


def write(storage: rest.ResourceStorage, value: Any) -> JSONObject:
    """Make ``spec.a`` of the flavour `small` the value, as a client does."""

    def change(present: JSONObject | None) -> JSONObject:
        assert present is not None
        return {**present, "spec": {"a": value}}

    record, _ = storage.update("", "small", change, WriteOptions(user="alice"))
    return objects.decode(record.body)


@pytest.mark.parametrize(("before", "after"), [(True, 1), (1, True), (False, 0), ([0], [False])])
def test_boolean_that_becomes_a_number_is_stored(
    cluster: str, flavors: rest.ResourceStorage, before: Any, after: Any
) -> None:
    made = client.create(cluster, *FLAVORS, {"metadata": {"name": "small"}, "spec": {"a": before}})
    written = write(flavors, after)
    stored = client.get(cluster, *FLAVORS, "small")
    assert stored is not None
    assert repr(stored["spec"]["a"]) == repr(written["spec"]["a"]) == repr(after)
    assert stored["metadata"]["generation"] == made["metadata"]["generation"] + 1
    assert stored["metadata"]["resourceVersion"] != made["metadata"]["resourceVersion"]


def test_same_number_written_otherwise_is_no_write(cluster: str, flavors: rest.ResourceStorage) -> None:
    made = client.create(cluster, *FLAVORS, {"metadata": {"name": "small"}, "spec": {"a": 1}})
    assert write(flavors, 1.0)["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]


def test_default_of_a_schema_that_becomes_a_number_is_served(cluster: str) -> None:
    made = crd("flavors", "Flavor")
    schema = made["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    schema["properties"] = {"a": {"x-kubernetes-preserve-unknown-fields": True, "default": True}}
    client.create(cluster, *CRDS, made)

    def change(obj: JSONObject) -> JSONObject:
        version = obj["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        version["properties"]["spec"]["properties"]["a"]["default"] = 1
        return obj

    assert client.create(cluster, *FLAVORS, {"metadata": {"name": "x"}, "spec": {}})["spec"] == {"a": True}
    client.update(cluster, *CRDS, "flavors.cloud.example.com", change)
    assert (
        repr(client.create(cluster, *FLAVORS, {"metadata": {"name": "y"}, "spec": {}})["spec"]) == "{'a': 1}"
    )


def held(storage: rest.ResourceStorage, cluster: str, *finalizers: str, policy: str = "") -> list[str]:
    """The finalizers that are left after an object with these was deleted."""
    metadata = {"name": "small", "finalizers": list(finalizers)}
    client.create(cluster, *FLAVORS, {"metadata": metadata})
    record, is_gone = storage.delete("", "small", DeleteOptions(propagation_policy=policy))
    left: list[str] = objects.decode(record.body)["metadata"].get("finalizers") or []
    return [] if is_gone else left


@pytest.mark.parametrize("finalizer", ["orphan", "foregroundDeletion"])
def test_delete_without_a_policy_follows_the_finalizer_of_the_object(
    cluster: str, flavors: rest.ResourceStorage, finalizer: str
) -> None:
    assert held(flavors, cluster, finalizer, "a.example/b") == [finalizer, "a.example/b"]
    again, _ = flavors.delete("", "small", DeleteOptions())
    assert objects.decode(again.body)["metadata"]["finalizers"] == [finalizer, "a.example/b"]


@pytest.mark.parametrize(
    ("policy", "left"),
    [
        ("Background", ["a.example/b"]),
        ("Orphan", ["a.example/b", "orphan"]),
        ("Foreground", ["foregroundDeletion", "a.example/b"]),
    ],
)
def test_stated_policy_overrides_the_finalizer(
    cluster: str, flavors: rest.ResourceStorage, policy: str, left: list[str]
) -> None:
    assert held(flavors, cluster, "foregroundDeletion", "a.example/b", policy=policy) == left


def test_delete_without_policy_and_finalizers_is_in_the_background(
    cluster: str, flavors: rest.ResourceStorage
) -> None:
    assert held(flavors, cluster) == []
    assert client.get(cluster, *FLAVORS, "small") is None


@pytest.mark.parametrize("part", ["spec", "status"])
@pytest.mark.parametrize("value", ["text", 5, True, ["a"]])
def test_part_of_a_built_in_kind_that_is_no_object_is_invalid(cluster: str, part: str, value: Any) -> None:
    client.create(cluster, *CRDS, crd("flavors", "Flavor"))
    targets = (
        (cluster, *CRDS, "flavors.cloud.example.com"),
        ("root", "tenancy.kcp.io", "workspaces", "cloud"),
        (cluster, "core.kcp.io", "logicalclusters", "cluster"),
        (cluster, "", "namespaces", "default"),
    )
    for target in targets:
        with pytest.raises(errors.Invalid, match=f"{part} in body must be of type object"):
            client.update(*target, lambda obj: {**obj, part: value})


def test_missing_or_odd_parts_of_a_definition_are_invalid(cluster: str) -> None:
    client.create(cluster, *CRDS, crd("flavors", "Flavor"))
    for spec in (None, {"versions": "v1"}, {"versions": ["v1"]}, {"versions": [{"storage": True}]}):
        with pytest.raises(errors.Invalid):
            client.update(
                cluster, *CRDS, "flavors.cloud.example.com", lambda obj, spec=spec: {**obj, "spec": spec}
            )
    made = {"metadata": {"name": "v1.flavors.cloud.example.com"}}
    with pytest.raises(errors.Invalid, match=r"spec: Required value"):
        client.create(cluster, "apis.kcp.io", "apiresourceschemas", made)
