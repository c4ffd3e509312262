"""The health of CachedResources, as admin, REST, metrics and commands show it."""

from __future__ import annotations

import pytest
from django.db import connection as database
from django.db import connections
from django.test.utils import CaptureQueriesContext

from replication.insight import consumers, health
from replication.replica import connection, meta
from tests.unit.replication import provider
from tests.unit.replication.provider import ALICE, CLOUD, GROUP
from workspaces.registry import client

pytestmark = pytest.mark.usefixtures("published")


def only() -> health.Health:
    (found,) = health.all()
    return found


def reasons() -> list[str]:
    return [problem.reason for problem in only().problems]


def test_published_resource_is_well() -> None:
    found = only()
    assert (found.workspace, found.name, found.phase) == (f"root:{CLOUD}", "cpuflavors-v1", "Ready")
    assert (found.is_ready, found.is_synced, found.differs, found.problems) == (True, True, False, [])
    assert (found.local, found.cache, found.consumers) == (2, 2, 1)
    assert found.revision > 0
    assert found.last_sync is not None


def test_changes_that_no_worker_has_taken_are_lag() -> None:
    provider.create_flavors("cpu-3", "cpu-4")
    found = only()
    assert (found.lag_changes, found.is_synced) == (2, False)
    assert found.lag_seconds > 0
    provider.work_off()
    assert (only().lag_changes, only().lag_seconds) == (0, 0.0)


def test_changes_of_other_resources_are_no_lag() -> None:
    client.create(CLOUD, "", "namespaces", {"metadata": {"name": "other"}})
    assert only().is_synced


def test_emptied_redis_is_said() -> None:
    connection.client().flushall()
    assert {"ReplicaMissing", "NoWorker"} <= set(reasons())
    assert (only().cache, only().revision, only().is_ready) == (None, 0, False)


def test_object_that_was_taken_out_of_redis_is_said() -> None:
    (source,) = provider.rows.all_sources()
    now = meta.read(connection.client(), source.family)
    assert now is not None
    connection.client().hdel(source.family.objects(now.epoch), "cpu-1")
    assert reasons() == ["ReplicaDamaged"]
    assert only().differs


def test_missing_secret_is_said_with_what_to_do() -> None:
    client.delete(CLOUD, "", "secrets", "cpuflavors-v1", "kcp-system")
    client.update(CLOUD, "cache.kcp.io", "cachedresources", "cpuflavors-v1", referring_to("lost"))
    provider.work_off()
    (problem,) = only().problems
    assert problem.reason == "IdentityGenerationFailed"
    assert "Secret" in problem.what_to_do


def referring_to(secret):  # type: ignore[no-untyped-def]
    def change(obj):  # type: ignore[no-untyped-def]
        obj["spec"]["identity"]["secretRef"]["name"] = secret
        return obj

    return change


def test_missing_crd_is_said() -> None:
    client.delete(CLOUD, "apiextensions.k8s.io", "customresourcedefinitions", f"cpuflavors.{GROUP}")
    provider.work_off()
    assert "ResourceNotFound" in reasons()


def test_wrong_hash_in_the_export_is_said() -> None:
    def wrong(obj):  # type: ignore[no-untyped-def]
        obj["spec"]["resources"][0]["storage"]["virtual"]["identityHash"] = "f" * 64
        return obj

    client.update(CLOUD, "apis.kcp.io", "apiexports", "compute", wrong)
    provider.work_off()
    assert reasons() == ["IdentityHashMismatch"]
    assert only().consumers == 0


def test_one_and_workspace_narrow_it_down() -> None:
    assert health.one(CLOUD, "cpuflavors-v1") == only()
    assert health.one(CLOUD, "other") is None
    assert [found.name for found in health.all(f"root:{CLOUD}")] == ["cpuflavors-v1"]
    assert health.all(f"root:{ALICE}") == []
    assert health.all("root:nowhere") == []


def test_number_of_statements_does_not_depend_on_the_number_of_rows() -> None:
    statements()  # bodies of bindings are read when they are first met
    few = statements()
    for number in range(8):
        plural = f"things{number}"
        names = {"plural": plural, "singular": plural[:-1], "kind": plural.capitalize()}
        provider.create_crd(plural=plural, names={**names, "listKind": f"{names['kind']}List"})
        provider.create_cachedresource(plural, resource=plural)
    assert len(health.all()) == 9
    assert statements() == few


def statements() -> int:
    with CaptureQueriesContext(database) as here, CaptureQueriesContext(connections["snapshot"]) as there:
        health.all()
        consumers.all()
    return len(here) + len(there)


def test_consumers_know_provider_and_revision() -> None:
    (consumer,) = consumers.all()
    assert (consumer.workspace, consumer.provider_workspace) == (f"root:{ALICE}", f"root:{CLOUD}")
    assert (consumer.export, consumer.phase, consumer.is_ready) == ("compute", "Bound", True)
    assert consumer.resources == [f"cpuflavors.{GROUP}"]
    assert consumer.served_revision == only().revision
    assert consumers.of(only()) == [consumer]
    assert consumers.all(f"root:{provider.BOB}") == []


def test_consumer_of_an_export_that_is_gone_says_so() -> None:
    client.delete(CLOUD, "apis.kcp.io", "apiexports", "compute")
    provider.work_off()
    (consumer,) = consumers.all()
    assert not consumer.is_ready
    assert "APIExportNotFound" in consumer.problem
