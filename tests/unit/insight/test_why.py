"""Why a consumer sees, or does not see, an object: the chain ends at what was broken on purpose."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from replication.insight import why
from replication.replica import connection, meta, presence
from tests.unit.insight import installation
from tests.unit.replication import provider
from tests.unit.replication.provider import ALICE, BOB, CLOUD, GROUP
from workspaces.registry import client

pytestmark = pytest.mark.usefixtures("published")


def explain(name: str = "cpu-1", workspace: str = f"root:{ALICE}") -> list[why.Link]:
    return why.explain(workspace, "cpuflavors", name)


def broken(**arguments: str) -> why.Link:
    """The one link that does not hold, which is the last."""
    links = explain(**arguments)
    wrong = [link for link in links if not link.is_well]
    assert wrong == [links[-1]], links
    assert wrong[0].what_to_do
    return wrong[0]


def change_export(change: Callable[[dict], object]) -> None:  # type: ignore[type-arg]
    def changed(obj):  # type: ignore[no-untyped-def]
        change(obj["spec"]["resources"][0])
        return obj

    client.update(CLOUD, "apis.kcp.io", "apiexports", "compute", changed)
    provider.work_off()


def test_whole_chain_holds() -> None:
    links = explain()
    assert all(link.is_well for link in links)
    assert (links[0].name, links[-1].name) == ("source resource", "object as served")
    assert explain() == why.explain(ALICE, f"cpuflavors.{GROUP}", "cpu-1")


def test_provider_is_told_whether_it_is_replicated() -> None:
    assert explain(workspace=CLOUD)[-1].name == "endpoint slice"


def test_unknown_workspace_and_resource() -> None:
    assert broken(workspace="root:nowhere").name == "workspace"
    (link,) = why.explain(ALICE, "nothings", "x")
    assert link.name == "publication"


def test_object_that_does_not_exist() -> None:
    assert broken(name="nope").name == "source object"


def test_missing_crd() -> None:
    client.delete(CLOUD, "apiextensions.k8s.io", "customresourcedefinitions", f"cpuflavors.{GROUP}")
    provider.work_off()
    link = broken()
    assert link.name == "source resource"
    assert "CustomResourceDefinition" in link.what_to_do


def test_missing_secret_of_a_new_resource() -> None:
    client.delete(CLOUD, "cache.kcp.io", "cachedresources", "cpuflavors-v1")
    provider.work_off()
    reference = {"secretRef": {"name": "lost", "namespace": "default"}}
    provider.create_cachedresource(identity=reference)
    link = broken()
    assert link.name == "identity"
    assert "Secret" in link.what_to_do
    assert "default/lost" in link.message


def test_missing_secret_of_what_was_published_before() -> None:
    client.delete(CLOUD, "", "secrets", "cpuflavors-v1", "kcp-system")

    def elsewhere(obj):  # type: ignore[no-untyped-def]
        obj["spec"]["identity"]["secretRef"]["name"] = "lost"
        return obj

    client.update(CLOUD, "cache.kcp.io", "cachedresources", "cpuflavors-v1", elsewhere)
    provider.work_off()
    links = explain()
    assert [link.name for link in links if not link.is_well] == ["identity"]
    assert links[-1].name == "object as served"


def test_object_that_the_selector_does_not_keep() -> None:
    def only_gold(obj):  # type: ignore[no-untyped-def]
        obj["spec"]["labelSelector"] = {"matchLabels": {"tier": "gold"}}
        return obj

    client.update(CLOUD, "cache.kcp.io", "cachedresources", "cpuflavors-v1", only_gold)
    provider.work_off()
    link = broken()
    assert link.name == "selector"
    assert "gold" in link.message


def test_stopped_worker() -> None:
    presence.withdraw(connection.client(), "celery@test", 1)
    installation.worker_at_work(seen_seconds_ago=60)
    provider.create_flavors("cpu-3")
    link = broken(name="cpu-3")
    assert link.name == "worker"
    assert "celery -A kcpcache worker" in link.what_to_do


def test_stopped_worker_does_not_take_away_what_is_served() -> None:
    presence.withdraw(connection.client(), "celery@test", 1)
    links = explain()
    assert [link.name for link in links if not link.is_well] == ["worker"]
    assert links[-1].name == "object as served"


def test_emptied_redis() -> None:
    connection.client().flushall()
    installation.worker_at_work()
    link = broken()
    assert link.name == "replica"
    assert "emptied" in link.message


def test_object_that_was_tampered_with_in_redis() -> None:
    (source,) = provider.rows.all_sources()
    now = meta.read(connection.client(), source.family)
    assert now is not None
    connection.client().hset(source.family.objects(now.epoch), "cpu-1", b"{}")
    link = broken()
    assert link.name == "replica"
    assert "verify_replica" in link.what_to_do


def test_wrong_hash_in_the_export() -> None:
    change_export(lambda entry: entry["storage"]["virtual"].update(identityHash="f" * 64))
    link = broken()
    assert link.name == "export"
    assert "f" * 64 in link.message
    assert provider.status()["identityHash"] in link.message


def test_slice_that_does_not_exist() -> None:
    change_export(lambda entry: entry["storage"]["virtual"]["reference"].update(name="other"))
    assert broken().name == "endpoint slice"


def test_workspace_that_is_not_bound() -> None:
    link = broken(workspace=f"root:{BOB}")
    assert link.name == "binding"
    assert "APIBinding" in link.what_to_do
    assert f"root:{CLOUD}" in link.what_to_do


def test_name_conflict() -> None:
    client.create(BOB, "apiextensions.k8s.io", "customresourcedefinitions", provider.crd())
    provider.work_off()
    provider.bind(BOB)
    link = broken(workspace=BOB)
    assert link.name == "binding"
    assert "NamingConflicts" in link.message


def test_nothing_is_changed_and_it_is_quick() -> None:
    before, began = (
        provider.client.get(CLOUD, "cache.kcp.io", "cachedresources", "cpuflavors-v1"),
        time.monotonic(),
    )
    explain()
    assert provider.client.get(CLOUD, "cache.kcp.io", "cachedresources", "cpuflavors-v1") == before
    assert time.monotonic() - began < 5
