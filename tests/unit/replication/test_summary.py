"""What a CachedResource's status says in sum."""

from __future__ import annotations

import dataclasses
import datetime

import pytest

from kcpcache.apimachinery.objects import JSONObject
from kcpcache.apimachinery.storage import Collection
from replication import rows
from replication.controllers import cachedresource as controller
from replication.controllers import selected, summary
from replication.replica import audit, connection, meta
from tests.unit.replication import provider
from tests.unit.replication.provider import ALICE, BOB, CLOUD, GROUP
from workspaces import tasks as controllers
from workspaces.registry import client
from workspaces.store import changelog, overview, revisions

pytestmark = pytest.mark.usefixtures("cloud")

CRDS = ("apiextensions.k8s.io", "customresourcedefinitions", f"cpuflavors.{GROUP}")


def published() -> None:
    """A CachedResource with an export."""
    provider.create_crd()
    provider.create_flavors("cpu-small")
    provider.create_cachedresource()
    provider.export(identity_hash=provider.status()["identityHash"])


def reconciled() -> JSONObject:
    """The status after one more pass."""
    controller.reconcile(CLOUD, "cpuflavors-v1")
    return provider.status()


def warnings() -> list[str]:
    """The reasons of the Events that say what is wrong."""
    found = client.list(CLOUD, "", "events")
    return [event["reason"] for event in found if event["type"] == "Warning"]


def test_consumers_are_counted_as_they_come_and_go() -> None:
    published()
    assert provider.status()["consumers"] == 0
    provider.bind(ALICE)
    assert provider.status()["consumers"] == 1
    provider.bind(BOB)
    assert provider.status()["consumers"] == 2
    client.delete(ALICE, "apis.kcp.io", "apibindings", "compute")
    provider.work_off()
    assert provider.status()["consumers"] == 1


def test_consumers_of_an_export_with_another_identity_are_none_of_its() -> None:
    provider.create_crd()
    provider.create_cachedresource()
    provider.export(identity_hash="0" * 64)
    provider.bind(ALICE)
    assert provider.status()["consumers"] == 0


def test_schema_that_is_no_longer_the_crd_s_is_said_until_it_is_again() -> None:
    published()
    before = provider.crd()["spec"]["versions"]
    assert provider.verdicts(provider.status())["SchemaInSync"] == "True"

    def more(obj: JSONObject) -> JSONObject:
        properties = obj["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"][
            "properties"
        ]
        properties["threads"] = {"type": "integer"}
        return obj

    client.update(CLOUD, *CRDS, more)
    provider.work_off()
    found = provider.status()
    assert provider.reasons(found)["SchemaInSync"] == "SchemaOutOfSync"
    (message,) = [entry["message"] for entry in found["conditions"] if entry["type"] == "SchemaInSync"]
    assert f"v1.cpuflavors.{GROUP}" in message
    assert "APIExport compute" in message
    assert provider.verdicts(found)["Ready"] == "True", "consumers are served under the schema of the export"
    assert warnings().count("SchemaOutOfSync") == 1

    def former(obj: JSONObject) -> JSONObject:
        obj["spec"]["versions"] = before
        return obj

    client.update(CLOUD, *CRDS, former)
    provider.work_off()
    assert provider.verdicts(provider.status())["SchemaInSync"] == "True"


def test_replica_that_is_behind_for_long_is_not_in_sync(monkeypatch: pytest.MonkeyPatch) -> None:
    published()
    provider.create_flavors("cpu-large")
    controllers.reconcile_due()
    assert provider.verdicts(reconciled())["Synced"] == "True", "it is behind for a moment only"
    ago = datetime.timedelta(seconds=2 * summary.LAGGING_SECONDS)
    real = overview.backlogs

    def old(positions: list[overview.Position]) -> list[overview.Backlog]:
        return [overview.Backlog(each.changes, each.oldest and each.oldest - ago) for each in real(positions)]

    monkeypatch.setattr(overview, "backlogs", old)
    found = reconciled()
    assert provider.reasons(found)["Synced"] == "Lagging"
    assert provider.reasons(found)["Ready"] == "Lagging"
    assert found["resourceCounts"] == {"local": 2, "cache": 1}
    provider.work_off()
    found = reconciled()
    assert provider.verdicts(found)["Synced"] == "True"
    assert found["resourceCounts"] == {"local": 2, "cache": 2}


def test_local_count_knows_what_entered_and_left_the_selection() -> None:
    provider.create_crd()
    provider.create_flavors("kept", "leaves", "goes", labels={"tier": "gold"})
    provider.create_flavors("enters")
    provider.create_cachedresource(labelSelector={"matchLabels": {"tier": "gold"}})
    assert provider.status()["resourceCounts"] == {"local": 3, "cache": 3}

    def labelled(labels: dict[str, str]):  # type: ignore[no-untyped-def]
        def change(obj: JSONObject) -> JSONObject:
            obj["metadata"]["labels"] = labels
            return obj

        return change

    client.update(CLOUD, GROUP, "cpuflavors", "leaves", labelled({}))
    client.update(CLOUD, GROUP, "cpuflavors", "enters", labelled({"tier": "gold"}))
    client.update(CLOUD, GROUP, "cpuflavors", "kept", labelled({"tier": "gold", "more": "yes"}))
    client.delete(CLOUD, GROUP, "cpuflavors", "goes")
    provider.create_flavors("not-selected")
    provider.create_flavors("new", labels={"tier": "gold"})
    assert reconciled()["resourceCounts"] == {"local": 3, "cache": 3}
    client.delete(CLOUD, GROUP, "cpuflavors", "kept")
    assert reconciled()["resourceCounts"] == {"local": 2, "cache": 3}
    provider.work_off()
    assert reconciled()["resourceCounts"] == {"local": 2, "cache": 2}


def test_local_count_of_a_replica_far_behind_is_counted_on_pass_by_pass(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No pass looks at more than it may, and none at what an earlier one has seen."""
    published()
    seen: list[int] = []
    real = changelog.labels_after

    def counted(revision: int, *, limit: int, collection: Collection) -> list[changelog.Relabelling]:
        found = real(revision, limit=limit, collection=collection)
        seen.extend(change.revision for change in found)
        return found

    monkeypatch.setattr(changelog, "labels_after", counted)
    monkeypatch.setattr(selected, "MOST_CHANGES", 2)
    provider.create_flavors("b", "c", "d", "e")
    client.delete(CLOUD, GROUP, "cpuflavors", "cpu-small")
    assert [reconciled()["resourceCounts"]["local"] for _ in range(4)] == [3, 5, 4, 4]
    assert len(seen) == len(set(seen)) == 5
    provider.work_off()
    assert reconciled()["resourceCounts"] == {"local": 4, "cache": 4}


def test_local_count_after_a_new_selector_is_not_of_the_old_one() -> None:
    """What was counted on from a replica under its former selector says nothing about it under the new one."""
    published()
    (source,) = rows.all_sources()
    present = meta.read(connection.client(), source.family)
    assert present is not None
    provider.create_flavors("b")
    source = dataclasses.replace(source, selection=source.selection + 1)
    assert selected.count(source, present) == 2
    settled = dataclasses.replace(
        present, selection=source.selection, cursor=revisions.newest().value, count=0
    )
    assert selected.count(source, settled) == 0
    settled = dataclasses.replace(settled, cursor=present.cursor)
    assert selected.count(source, settled) == 1


def test_replica_that_redis_lost_is_said_and_filled_again() -> None:
    published()
    connection.client().flushall()
    found = reconciled()
    assert provider.reasons(found)["Synced"] == "ReplicaMissing"
    assert found["resourceCounts"] == {"local": 1, "cache": 0}
    assert found["phase"] == "Ready", "consumers are answered from the database"
    provider.work_off()
    found = reconciled()
    assert provider.verdicts(found)["Synced"] == "True"
    assert found["resourceCounts"] == {"local": 1, "cache": 1}


def test_difference_that_an_audit_found_is_said_until_one_finds_none() -> None:
    published()
    (source,) = rows.all_sources()
    (key,) = connection.client().keys(f"kcpcache:*{source.uid}*:objects")
    connection.client().hset(key, "cpu-small", b'{"metadata":{"name":"cpu-small","resourceVersion":"1"}}')
    assert audit.audit(connection.client(), source) == ["cpu-small"]
    provider.work_off()
    found = reconciled()
    assert provider.verdicts(found)["Drifted"] == "True"
    assert provider.verdicts(found)["Ready"] == "True", "it was filled again"
    assert warnings().count("DifferenceFound") == 1
    source = rows.find(source.uid)
    assert source is not None
    assert audit.audit(connection.client(), source) == []
    assert provider.verdicts(reconciled())["Drifted"] == "False"


def test_ready_says_what_is_missing_first() -> None:
    provider.create_cachedresource()
    found = provider.status()
    assert provider.reasons(found)["Ready"] == "ResourceNotFound"
    assert provider.reasons(found)["Synced"] == "ResourceNotValid"
    assert warnings().count("ResourceNotFound") == 1
    provider.create_crd()
    assert provider.verdicts(provider.status())["Ready"] == "True"
