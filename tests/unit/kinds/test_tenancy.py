"""What clients may not do to workspaces and logical clusters."""

from __future__ import annotations

import pytest

from kcpcache.apimachinery import errors, objects
from kcpcache.apimachinery.objects import JSONObject
from kcpcache.apimachinery.storage import DeleteOptions, WriteOptions
from tests.unit.controllers.conftest import on_database, settle
from workspaces.kinds import finalizers
from workspaces.registry import addresses, client
from workspaces.store import tenants

pytestmark = on_database
WORKSPACES = ("tenancy.kcp.io", "workspaces")
LOGICAL_CLUSTERS = ("core.kcp.io", "logicalclusters")
ALICE = WriteOptions(user="alice")


def without_finalizers(present: JSONObject | None) -> JSONObject:
    assert present is not None
    metadata = {name: value for name, value in present["metadata"].items() if name != "finalizers"}
    return {**present, "metadata": metadata}


@pytest.mark.parametrize("user", ["", "alice", "system:admin"])
@pytest.mark.parametrize("dry_run", [False, True])
def test_client_may_not_delete_a_logical_cluster(root: str, user: str, dry_run: bool) -> None:
    storage = client.storage(root, *LOGICAL_CLUSTERS)
    with pytest.raises(errors.Forbidden, match=r'logicalclusters\.core\.kcp\.io "cluster" is forbidden'):
        storage.delete("", "cluster", DeleteOptions(user=user, dry_run=dry_run))
    settle()
    found = client.get(root, *LOGICAL_CLUSTERS, "cluster")
    assert found is not None
    assert not objects.is_being_deleted(found)
    client.create(root, *WORKSPACES, {"metadata": {"name": "still-possible"}})


@pytest.mark.parametrize("dry_run", [False, True])
def test_client_may_not_create_a_logical_cluster(cluster: str, dry_run: bool) -> None:
    storage = client.storage(cluster, *LOGICAL_CLUSTERS)
    made = {
        "apiVersion": "core.kcp.io/v1alpha1",
        "kind": "LogicalCluster",
        "metadata": {"name": "second"},
        "spec": {},
    }
    with pytest.raises(errors.Forbidden, match="by the system only"):
        storage.create("", made, WriteOptions(user="alice", dry_run=dry_run))
    with pytest.raises(errors.Forbidden, match="by the system only"):
        storage.update(
            "", "second", lambda _: made, WriteOptions(user="alice", dry_run=dry_run), create_if_missing=True
        )
    assert client.get(cluster, *LOGICAL_CLUSTERS, "second") is None


def test_client_may_still_label_a_logical_cluster(cluster: str) -> None:
    def labelled(present: JSONObject | None) -> JSONObject:
        assert present is not None
        return {**present, "metadata": {**present["metadata"], "labels": {"a": "b"}}}

    record, _ = client.storage(cluster, *LOGICAL_CLUSTERS).update("", "cluster", labelled, ALICE)
    assert record.labels == {"a": "b"}


def test_owner_that_is_gone_does_not_take_a_logical_cluster_with_it(cluster: str) -> None:
    def disowned(present: JSONObject | None) -> JSONObject:
        assert present is not None
        owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "gone", "uid": "gone"}
        return {**present, "metadata": {**present["metadata"], "ownerReferences": [owner]}}

    client.storage(cluster, *LOGICAL_CLUSTERS).update("", "cluster", disowned, ALICE)
    settle()
    found = client.get(cluster, *LOGICAL_CLUSTERS, "cluster")
    assert found is not None
    assert not objects.is_being_deleted(found)


def test_client_may_not_take_the_finalizer_off_a_workspace_that_is_being_deleted(
    root: str, cluster: str
) -> None:
    client.delete(root, *WORKSPACES, "cloud")
    storage = client.storage(root, *WORKSPACES)
    with pytest.raises(errors.Invalid, match="is removed by the system") as refused:
        storage.update("", "cloud", without_finalizers, ALICE)
    assert [cause.field for cause in refused.value.causes] == ["metadata.finalizers"]
    with pytest.raises(errors.Invalid):
        storage.update("", "cloud", without_finalizers, WriteOptions(user="alice", dry_run=True))
    settle(lambda: client.get(root, *WORKSPACES, "cloud") is None)
    assert addresses.find("root:cloud") is None
    assert tenants.path_of(cluster) is None
    client.create(root, *WORKSPACES, {"metadata": {"name": "cloud"}})


def test_client_takes_its_own_finalizer_off_a_workspace(root: str, cluster: str) -> None:
    def held(present: JSONObject) -> JSONObject:
        finalizers.add(present, "a.example/b")
        return present

    client.update(root, *WORKSPACES, "cloud", held)
    client.delete(root, *WORKSPACES, "cloud")

    def released(present: JSONObject | None) -> JSONObject:
        assert present is not None
        return finalizers.remove(present, "a.example/b")

    record, _ = client.storage(root, *WORKSPACES).update("", "cloud", released, ALICE)
    assert objects.decode(record.body)["metadata"]["finalizers"] == [finalizers.WORKSPACE]


def test_workspace_whose_path_still_leads_elsewhere_is_a_conflict(root: str) -> None:
    tenants.add("leftover", "root:cloud", parent=root, name="cloud")
    with pytest.raises(errors.Conflict, match="the path root:cloud still leads to"):
        client.create(root, *WORKSPACES, {"metadata": {"name": "cloud"}})
    assert client.get(root, *WORKSPACES, "cloud") is None
    tenants.remove("leftover")
    client.create(root, *WORKSPACES, {"metadata": {"name": "cloud"}})
    tenants.add("leftover", "root:other", parent=root, name="other")
    tenants.add("leftover", "root:other", parent=root, name="other")
