"""What is wrong besides CachedResources is told, once for each kind, with what to do."""

from __future__ import annotations

import pytest

from replication import reports
from replication.insight import consumers, facts, health, troubles
from replication.insight.consumers import Consumer
from replication.insight.troubles import Trouble
from tests.unit.insight import installation
from tests.unit.replication import provider
from tests.unit.replication.provider import ALICE, BOB, CLOUD, GROUP
from workspaces.registry import client

APIS = "apis.kcp.io"


def told() -> list[Trouble]:
    found = facts.gather()
    return troubles.of_consumers(consumers.judge(found)) + troubles.of_failures(found)


def only() -> Trouble:
    (found,) = told()
    return found


def consumer(number: int, *, reason: str = "NamingConflicts", is_settling: bool = False) -> Consumer:
    problem = f"{reason}: message {number}"
    cluster = f"c{number}"
    return Consumer(
        cluster, cluster, "b", "e", "p", [], "Bound", False, problem, None, reason, is_settling=is_settling
    )


def test_consumers_that_are_served_are_no_trouble(published: None) -> None:
    assert told() == []


def test_naming_conflict_is_told_with_the_binding(published: None) -> None:
    client.create(BOB, "apiextensions.k8s.io", "customresourcedefinitions", provider.crd())
    provider.bind(BOB)
    found = only()
    assert (found.reason, found.count) == ("NamingConflicts", 1)
    assert [(each.workspace, each.name) for each in found.subjects] == [(f"root:{BOB}", "compute")]
    assert f"cpuflavors.{GROUP} cannot be bound" in found.message
    assert "CustomResourceDefinition" in found.what_to_do


def test_missing_export_is_told(published: None) -> None:
    client.delete(CLOUD, APIS, "apiexports", "compute")
    provider.work_off()
    assert only().reason == "APIExportNotFound"
    assert "Create the APIExport" in only().what_to_do


def test_missing_schema_is_told(published: None) -> None:
    client.delete(CLOUD, APIS, "apiresourceschemas", f"v1.cpuflavors.{GROUP}")
    provider.work_off()
    assert only().reason == "APIResourceSchemaNotFound"


def test_missing_slice_is_told_at_the_consumer_and_at_the_cachedresource(cloud: None) -> None:
    provider.create_crd()
    provider.create_cachedresource()
    provider.export(identity_hash=provider.status()["identityHash"], slice_name="lost")
    provider.bind(ALICE)
    assert only().reason == "VirtualResourceInvalid"
    (found,) = health.all()
    (problem,) = found.problems
    assert problem.reason == "EndpointSliceMissing"
    assert "compute names CachedResourceEndpointSlice lost" in problem.message
    assert "Create a CachedResourceEndpointSlice of that name" in problem.what_to_do


def test_slice_of_another_resource_that_is_missing_is_not_this_ones_problem(cloud: None) -> None:
    provider.create_crd()
    other = {"plural": "others", "singular": "other", "kind": "Other", "listKind": "OtherList"}
    provider.create_crd(plural="others", names=other)
    provider.create_cachedresource("others", resource="others")
    provider.export(identity_hash="0" * 64, slice_name="lost")
    assert [each.problems for each in health.all()] == [[]]


def test_binding_that_no_worker_has_seen_is_told_after_a_while(
    published: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = {"reference": {"export": {"path": f"root:{CLOUD}", "name": "compute"}}}
    client.create(BOB, APIS, "apibindings", {"metadata": {"name": "compute"}, "spec": spec})
    assert told() == []
    assert [each.is_settling for each in consumers.all(f"root:{BOB}")] == [True]
    monkeypatch.setattr(consumers, "_PATIENCE_SECONDS", {})
    assert only().reason == "NotReconciled"
    assert only().message == "1 APIBinding is not ready: no worker has looked at it yet."


def test_thousands_of_bindings_are_one_trouble() -> None:
    found = [consumer(number) for number in range(10_000)]
    (trouble,) = troubles.of_consumers(found)
    assert (trouble.count, len(trouble.subjects)) == (10_000, 5)
    assert trouble.message == "10000 APIBindings are not ready, the first: message 0."


def test_each_reason_is_told_and_the_most_frequent_first() -> None:
    found = [consumer(0, reason="APIExportNotFound"), consumer(1), consumer(2), consumer(3, is_settling=True)]
    assert [(each.reason, each.count) for each in troubles.of_consumers(found)] == [
        ("NamingConflicts", 2),
        ("APIExportNotFound", 1),
    ]


def test_controller_that_fails_again_and_again_is_told(published: None) -> None:
    installation.fail("apibinding", "compute", 2)
    assert told() == []
    installation.fail("apibinding", "compute", 1)
    installation.fail("apibinding", "other", 7)
    found = only()
    assert (found.about, found.reason, found.count) == ("apibinding", "ReconcileFailed", 2)
    assert "apibinding failed 7 times at other (and at 1 more): ValueError: no wonder." in found.message
    assert [each.name for each in found.subjects] == ["other", "compute"]
    assert found.what_to_do


def test_failure_at_a_cachedresource_stands_at_the_cachedresource(published: None) -> None:
    installation.fail(reports.CONTROLLER, "cpuflavors-v1", 5)
    assert told() == []
    assert [problem.reason for problem in health.all()[0].problems] == ["ReconcileFailed"]


def test_binding_that_goes_slowly_is_told_after_a_while(
    published: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def held(obj):  # type: ignore[no-untyped-def]
        obj["metadata"].setdefault("finalizers", []).append("example.com/held")
        return obj

    client.update(ALICE, APIS, "apibindings", "compute", held)
    client.delete(ALICE, APIS, "apibindings", "compute")
    assert told() == []
    monkeypatch.setattr(consumers, "_PATIENCE_SECONDS", {})
    assert only().reason == "Deleting"
    assert "finalizers" in only().what_to_do
