"""The life of a CachedResource, from its creation to its deletion."""

from __future__ import annotations

import hashlib
import io

import pytest
from django.core.management import call_command

from kcpcache.apimachinery import errors
from kcpcache.apimachinery.storage import Collection, Key, ListOptions
from replication.controllers import cachedresource as controller
from replication.models import Replica
from replication.replica import connection, mirrors
from replication.virtual import replication
from tests.unit.replication import provider
from tests.unit.replication.provider import ALICE, BOB, CLOUD, GROUP
from workspaces.registry import client
from workspaces.store import objects

pytestmark = pytest.mark.usefixtures("cloud")


def keys():
    return [name.decode() for name in connection.client().keys("kcpcache:{*")]


def update(change, name="cpuflavors-v1"):
    client.update(CLOUD, "cache.kcp.io", "cachedresources", name, change)
    provider.work_off()


def test_becomes_ready_with_identity_and_counts() -> None:
    provider.create_crd()
    provider.create_flavors("cpu-small", "cpu-medium", "cpu-large")
    provider.create_cachedresource()
    found = provider.status()
    assert found["phase"] == "Ready"
    assert provider.verdicts(found) == {
        "Drifted": "False",
        "IdentityValid": "True",
        "Ready": "True",
        "ReplicationStarted": "True",
        "ResourceValid": "True",
        "SchemaInSync": "True",
        "Synced": "True",
    }
    assert found["resourceCounts"] == {"local": 3, "cache": 3}
    obj = provider.cachedresource()
    assert obj["metadata"]["finalizers"] == ["cachedresource.cache.kcp.dev"]
    assert obj["spec"]["identity"]["secretRef"] == {"name": "cpuflavors-v1", "namespace": "kcp-system"}
    assert len(found["identityHash"]) == 64


def test_counts_follow_every_change() -> None:
    provider.create_crd()
    provider.create_cachedresource()
    assert provider.status()["resourceCounts"] == {"local": 0, "cache": 0}
    provider.create_flavors("a", "b")
    provider.work_off()
    assert provider.status()["resourceCounts"] == {"local": 2, "cache": 2}
    client.delete(CLOUD, GROUP, "cpuflavors", "a")
    provider.work_off()
    assert provider.status()["resourceCounts"] == {"local": 1, "cache": 1}


def test_status_comes_to_rest() -> None:
    provider.create_crd()
    provider.create_flavors("a")
    provider.create_cachedresource()
    before = provider.cachedresource()
    for _ in range(3):
        controller.reconcile(CLOUD, "cpuflavors-v1")
        provider.work_off()
    assert provider.cachedresource() == before


def test_selector_edit_changes_counts_and_comes_back() -> None:
    provider.create_crd()
    provider.create_flavors("a", labels={"tier": "gold"})
    provider.create_flavors("b", "c")
    provider.create_cachedresource(labelSelector={"matchLabels": {"tier": "gold"}})
    assert provider.status()["resourceCounts"] == {"local": 1, "cache": 1}

    def everything(obj):
        obj["spec"].pop("labelSelector")
        return obj

    update(everything)
    assert provider.status()["resourceCounts"] == {"local": 3, "cache": 3}


def test_own_key_gives_its_hash() -> None:
    provider.create_crd()
    client.create(
        CLOUD,
        "",
        "secrets",
        {"metadata": {"name": "mine"}, "stringData": {"key": "instances-cr-identity-123"}},
        "default",
    )
    provider.create_cachedresource(identity={"secretRef": {"name": "mine", "namespace": "default"}})
    assert (
        provider.status()["identityHash"]
        == "676a1a997f7507fdfcfd1fcf35920efdff1297cd215cad4f486220c30a5c7090"
    )


def test_missing_key_is_said_and_recovers() -> None:
    provider.create_crd()
    provider.create_cachedresource(identity={"secretRef": {"name": "mine", "namespace": "default"}})
    assert provider.verdicts(provider.status())["IdentityValid"] == "False"
    client.create(CLOUD, "", "secrets", {"metadata": {"name": "mine"}, "stringData": {"key": "k"}}, "default")
    provider.work_off()
    assert provider.verdicts(provider.status())["IdentityValid"] == "True"
    assert provider.status()["identityHash"] == hashlib.sha256(b"k").hexdigest()
    assert provider.status()["phase"] == "Ready"


def test_changed_key_keeps_the_last_good_hash() -> None:
    provider.create_crd()
    provider.create_cachedresource()
    before = provider.status()["identityHash"]

    def other(obj):
        return {**obj, "stringData": {"key": "other"}}

    client.update(CLOUD, "", "secrets", "cpuflavors-v1", other, "kcp-system")
    provider.work_off()
    found = provider.status()
    assert (found["identityHash"], found["phase"]) == (before, "Ready")
    assert provider.reasons(found) == {
        "IdentityValid": "IdentityVerificationFailed",
        "Ready": "IdentityVerificationFailed",
    }


def test_unknown_resource_is_said_and_recovers() -> None:
    provider.create_cachedresource()
    assert provider.reasons(provider.status())["ResourceValid"] == "ResourceNotFound"
    assert not Replica.objects.exists()
    provider.create_crd()
    provider.create_flavors("a")
    provider.work_off()
    assert provider.status()["resourceCounts"] == {"local": 1, "cache": 1}


def test_namespaced_resource_is_refused_with_a_reason() -> None:
    provider.create_cachedresource()
    provider.create_crd(scope="Namespaced")
    assert provider.reasons(provider.status())["ResourceValid"] == "ResourceNotClusterScoped"
    assert keys() == []


def test_endpoint_slice_is_made_and_owned() -> None:
    provider.create_crd()
    provider.create_cachedresource()
    found = client.get(CLOUD, "cache.kcp.io", "cachedresourceendpointslices", "cpuflavors-v1")
    assert found["spec"] == {"cachedResource": {"name": "cpuflavors-v1"}}
    (owner,) = found["metadata"]["ownerReferences"]
    assert owner["uid"] == provider.cachedresource()["metadata"]["uid"]
    assert provider.verdicts(found["status"]) == {
        "EndpointURLsReady": "False",
        "PartitionValid": "True",
        "ResourceValid": "True",
    }
    assert "endpoints" not in found["status"]


def test_endpoint_slice_is_not_made_when_not_wanted() -> None:
    provider.create_crd()
    annotations = {"cachedresources.cache.kcp.io/skip-endpointslice": ""}
    provider.create_cachedresource(metadata={"annotations": annotations})
    assert client.get(CLOUD, "cache.kcp.io", "cachedresourceendpointslices", "cpuflavors-v1") is None


def test_dangling_slice_says_so_until_its_cachedresource_comes() -> None:
    spec = {"cachedResource": {"name": "cpuflavors-v1"}}
    client.create(
        CLOUD, "cache.kcp.io", "cachedresourceendpointslices", {"metadata": {"name": "early"}, "spec": spec}
    )
    provider.work_off()

    def reason():
        found = client.get(CLOUD, "cache.kcp.io", "cachedresourceendpointslices", "early")
        return provider.reasons(found["status"]).get("ResourceValid")

    assert reason() == "CachedResourceNotFound"
    provider.create_crd()
    provider.create_cachedresource()
    assert reason() is None


def test_bound_export_gives_the_slice_an_endpoint() -> None:
    provider.create_crd()
    provider.create_flavors("a")
    provider.create_cachedresource()
    provider.export(identity_hash=provider.status()["identityHash"])

    def endpoints():
        found = client.get(CLOUD, "cache.kcp.io", "cachedresourceendpointslices", "cpuflavors-v1")
        return [endpoint["url"] for endpoint in found["status"].get("endpoints") or []]

    assert endpoints() == []
    provider.bind(ALICE)
    (url,) = endpoints()
    assert url.endswith(f"/services/replication/{CLOUD}/cpuflavors-v1")
    client.delete(ALICE, "apis.kcp.io", "apibindings", "compute")
    provider.work_off()
    assert endpoints() == []


def test_deletion_leaves_nothing() -> None:
    provider.create_crd()
    provider.create_flavors("a")
    provider.create_cachedresource()
    assert keys()
    client.delete(CLOUD, "cache.kcp.io", "cachedresources", "cpuflavors-v1")
    provider.work_off()
    assert provider.cachedresource() is None
    assert (keys(), Replica.objects.count()) == ([], 0)
    assert client.get(CLOUD, "cache.kcp.io", "cachedresourceendpointslices", "cpuflavors-v1") is None


def test_deletion_needs_neither_resource_nor_identity() -> None:
    provider.create_cachedresource(identity={"secretRef": {"name": "none", "namespace": "default"}})
    client.delete(CLOUD, "cache.kcp.io", "cachedresources", "cpuflavors-v1")
    provider.work_off()
    assert provider.cachedresource() is None


def test_replica_of_an_object_that_went_without_us_goes_too() -> None:
    provider.create_crd()
    provider.create_flavors("a")
    provider.create_cachedresource()
    key = Key(CLOUD, "cache.kcp.io", "cachedresources", "", "", "cpuflavors-v1")
    with objects.writing([key]) as transaction:
        transaction.delete(key)
    provider.work_off()
    assert (keys(), Replica.objects.count()) == ([], 0)


def test_missing_identity_hides_no_other_problem() -> None:
    provider.create_cachedresource(identity={"secretRef": {"name": "none", "namespace": "default"}})
    wrong = provider.reasons(provider.status())
    assert wrong.keys() >= {"IdentityValid", "ReplicationStarted", "ResourceValid"}
    assert client.get(CLOUD, "cache.kcp.io", "cachedresourceendpointslices", "cpuflavors-v1") is not None
    provider.create_crd()
    wrong = provider.reasons(provider.status())
    assert (wrong["ReplicationStarted"], wrong["Synced"]) == ("IdentityNotValid", "IdentityNotValid")


def test_deletion_waits_for_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    provider.create_crd()
    provider.create_flavors("a")
    provider.create_cachedresource()
    away = connection.connect("unix:///nowhere/redis.sock", timeout_seconds=0.2)
    with monkeypatch.context() as patch:
        patch.setattr(connection, "client", lambda: away)
        client.delete(CLOUD, "cache.kcp.io", "cachedresources", "cpuflavors-v1")
        outcome = controller.reconcile(CLOUD, "cpuflavors-v1")
        assert outcome.retry_after_seconds is not None
        assert provider.status()["phase"] == "Deleting"
    controller.reconcile(CLOUD, "cpuflavors-v1")
    assert provider.cachedresource() is None
    assert keys() == []


def test_deleted_crd_takes_the_replica_with_it_and_back() -> None:
    provider.create_crd()
    provider.create_flavors("a")
    provider.create_cachedresource()
    client.delete(CLOUD, "apiextensions.k8s.io", "customresourcedefinitions", f"cpuflavors.{GROUP}")
    provider.work_off()
    assert provider.reasons(provider.status())["ResourceValid"] == "ResourceNotFound"
    assert keys() == []
    provider.create_crd()
    provider.create_flavors("b", "c")
    provider.work_off()
    assert provider.status()["resourceCounts"] == {"local": 2, "cache": 2}


def test_consumers_read_what_the_provider_publishes() -> None:
    provider.create_crd()
    provider.create_flavors("cpu-small", "cpu-large")
    provider.create_cachedresource()
    provider.export(identity_hash=provider.status()["identityHash"])
    for consumer in (ALICE, BOB):
        provider.bind(consumer)
        descriptor = client.descriptor_of(consumer, GROUP, "cpuflavors")
        assert descriptor.origin == "virtual"
        virtual, target = descriptor.extra["virtual"]
        view = virtual.storage(target, consumer, descriptor, lambda: ())
        record = view.get("", "cpu-small")
        assert b'"kcp.io/cluster":"%s"' % consumer.encode() in record.body
    assert not [row for row in _rows_of(ALICE) if row.key.resource == "cpuflavors"]


def test_export_with_another_identity_serves_nothing() -> None:
    provider.create_crd()
    provider.create_cachedresource()
    provider.export(identity_hash="0" * 64)
    provider.bind(ALICE)
    with pytest.raises(errors.NotFound):
        client.descriptor_of(ALICE, GROUP, "cpuflavors")


def _rows_of(cluster):
    return objects.iterate(Collection(cluster, GROUP, "cpuflavors"), after=None, limit=10)


class Address:
    """The part of a request that names a scope."""

    prefix = "replication"

    def __init__(self, name: str, cluster: str) -> None:
        self.prefix_args = (CLOUD, name)
        self.cluster = cluster


def published() -> None:
    provider.create_crd()
    provider.create_flavors("cpu-small")
    provider.create_cachedresource()
    provider.export(identity_hash=provider.status()["identityHash"])


def names_in(scope):
    descriptor = scope.resources()[(GROUP, "v1", "cpuflavors")]
    return [
        (record.key.cluster, record.key.name)
        for record in scope.storage(descriptor).list(ListOptions()).records
    ]


def test_replication_workspace_needs_an_export_and_a_binding() -> None:
    published()
    assert replication.factory(Address("cpuflavors-v1", ALICE), True) is None
    assert replication.factory(Address("cpuflavors-v1", "*"), True) is None
    provider.bind(ALICE)
    assert names_in(replication.factory(Address("cpuflavors-v1", ALICE), True)) == [(ALICE, "cpu-small")]
    assert replication.factory(Address("cpuflavors-v1", BOB), True) is None
    assert replication.factory(Address("unknown", ALICE), True) is None
    provider.bind(BOB)
    scope = replication.factory(Address("cpuflavors-v1", "*"), True)
    assert names_in(scope) == [(ALICE, "cpu-small"), (BOB, "cpu-small")]
    descriptor = scope.resources()[(GROUP, "v1", "cpuflavors")]
    with pytest.raises(errors.BadRequest):
        scope.storage(descriptor).get("", "cpu-small")
    assert "read-only" in scope.refusal(descriptor, "create")


def test_wildcard_watch_ends_when_a_consumer_comes() -> None:
    published()
    provider.bind(ALICE)
    scope = replication.factory(Address("cpuflavors-v1", "*"), True)
    feed = scope.storage(scope.resources()[(GROUP, "v1", "cpuflavors")]).watch(
        ListOptions(), with_initial=True
    )
    mirrors.mirrors().check_consumers()
    assert feed.mailbox.closed_reason == ""
    provider.bind(BOB)
    mirrors.mirrors().check_consumers()
    assert feed.mailbox.closed_reason == "expired"


def test_reconcile_command_does_what_workers_do() -> None:
    client.create(CLOUD, "apiextensions.k8s.io", "customresourcedefinitions", provider.crd())
    provider.work_off()
    provider.create_flavors("a", "b")
    spec = {"group": GROUP, "version": "v1", "resource": "cpuflavors"}
    client.create(CLOUD, "cache.kcp.io", "cachedresources", {"metadata": {"name": "flavors"}, "spec": spec})
    output = io.StringIO()
    call_command("reconcile", f"root:{CLOUD}", "flavors", stdout=output)
    assert "flavors: 2 objects at revision" in output.getvalue()
    assert provider.status("flavors")["resourceCounts"] == {"local": 2, "cache": 2}
