from __future__ import annotations

from collections.abc import Callable

import pytest

from kcpcache.apimachinery import errors
from kcpcache.apimachinery.objects import JSONObject
from kcpcache.apimachinery.storage import DeleteOptions
from tests.unit.controllers.conftest import crd, on_database, settle
from workspaces.controllers import removal
from workspaces.registry import client

pytestmark = on_database
CRDS = ("apiextensions.k8s.io", "customresourcedefinitions")
NAME = "flavors.cloud.example.com"


@pytest.fixture
def cluster(workspace: Callable[..., str]) -> str:
    return workspace("cloud")


def owned(name: str, *owners: JSONObject, blocking: bool = False) -> JSONObject:
    references = [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "name": owner["metadata"]["name"],
            "uid": owner["metadata"]["uid"],
            **({"blockOwnerDeletion": True} if blocking else {}),
        }
        for owner in owners
    ]
    return {"metadata": {"name": name, "ownerReferences": references}}


def configmap(cluster: str, obj: JSONObject | str) -> JSONObject:
    made = obj if isinstance(obj, dict) else {"metadata": {"name": obj}}
    return client.create(cluster, "", "configmaps", made, "default")


def found(cluster: str, name: str) -> JSONObject | None:
    return client.get(cluster, "", "configmaps", name, "default")


def delete(cluster: str, name: str, policy: str) -> None:
    client.storage(cluster, "", "configmaps").delete(
        "default", name, DeleteOptions(propagation_policy=policy)
    )


def test_deleted_crd_takes_its_objects_with_it(cluster: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(removal, "BATCH", 2)
    monkeypatch.setattr(removal, "BATCHES", 1)
    client.create(cluster, *CRDS, crd("flavors", "Flavor"))
    for index in range(5):
        client.create(cluster, "cloud.example.com", "flavors", {"metadata": {"name": f"f{index}"}})
    client.delete(cluster, *CRDS, NAME)
    settle(lambda: client.get(cluster, *CRDS, NAME) is None)
    assert not client.exists(cluster, "cloud.example.com", "flavors")


def test_crd_waits_for_finalizers_of_its_objects(cluster: str) -> None:
    client.create(cluster, *CRDS, crd("flavors", "Flavor"))
    held = {"metadata": {"name": "held", "finalizers": ["example.com/hold"]}}
    client.create(cluster, "cloud.example.com", "flavors", held)
    client.delete(cluster, *CRDS, NAME)
    settle()
    ending = client.get(cluster, *CRDS, NAME)
    assert ending is not None
    assert [entry["type"] for entry in ending["status"]["conditions"]][-1] == "Terminating"

    def release(obj: JSONObject) -> JSONObject:
        del obj["metadata"]["finalizers"]
        return obj

    client.update(cluster, "cloud.example.com", "flavors", "held", release)
    settle(lambda: client.get(cluster, *CRDS, NAME) is None)


def test_deleted_namespace_takes_its_content_and_no_other(cluster: str) -> None:
    for name in ("team", "team-b"):
        client.create(cluster, "", "namespaces", {"metadata": {"name": name}})
        client.create(cluster, "", "configmaps", {"metadata": {"name": "settings"}}, name)
    client.delete(cluster, "", "namespaces", "team")
    settle(lambda: client.get(cluster, "", "namespaces", "team") is None)
    assert client.get(cluster, "", "configmaps", "settings", "team") is None
    assert client.get(cluster, "", "configmaps", "settings", "team-b") is not None


def test_default_namespace_stays(cluster: str) -> None:
    with pytest.raises(errors.Forbidden, match="may not be deleted"):
        client.delete(cluster, "", "namespaces", "default")


def test_background_deletion_takes_dependents_of_dependents(cluster: str) -> None:
    owner = configmap(cluster, "owner")
    middle = configmap(cluster, owned("middle", owner))
    configmap(cluster, owned("leaf", middle))
    delete(cluster, "owner", "Background")
    settle()
    assert [found(cluster, name) for name in ("owner", "middle", "leaf")] == [None] * 3


def test_dependent_stays_while_another_owner_lives(cluster: str) -> None:
    first, second = configmap(cluster, "first"), configmap(cluster, "second")
    configmap(cluster, owned("shared", first, second))
    delete(cluster, "first", "Background")
    settle()
    shared = found(cluster, "shared")
    assert shared is not None
    assert [owner["name"] for owner in shared["metadata"]["ownerReferences"]] == ["second"]


def test_orphaned_dependents_stay(cluster: str) -> None:
    configmap(cluster, owned("child", configmap(cluster, "owner")))
    delete(cluster, "owner", "Orphan")
    settle()
    child = found(cluster, "child")
    assert found(cluster, "owner") is None
    assert child is not None
    assert "ownerReferences" not in child["metadata"]


def test_foreground_deletion_waits_for_blocking_dependents(cluster: str) -> None:
    child = owned("child", configmap(cluster, "owner"), blocking=True)
    child["metadata"]["finalizers"] = ["example.com/hold"]
    configmap(cluster, child)
    delete(cluster, "owner", "Foreground")
    settle()
    assert found(cluster, "owner") is not None

    def release(obj: JSONObject) -> JSONObject:
        del obj["metadata"]["finalizers"]
        return obj

    client.update(cluster, "", "configmaps", "child", release, "default")
    settle(lambda: found(cluster, "owner") is None)
    assert found(cluster, "child") is None


def test_dependent_of_an_owner_that_is_not_there_is_collected(cluster: str) -> None:
    owner = configmap(cluster, "owner")
    delete(cluster, "owner", "Background")
    settle()
    configmap(cluster, owned("late", owner))
    settle()
    assert found(cluster, "late") is None
