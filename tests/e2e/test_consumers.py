"""Consumers read what the provider wrote, live."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e import catalogue
from tests.e2e.catalogue import BINDINGS, EXPORT, FLAVOURS, Provider, flavour
from tests.servers import Server
from tests.waiting import until

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def provider(server: Server) -> Provider:
    """A provider of three flavours; tests add flavours of their own."""
    return catalogue.publish(server, "publishing")


def test_kubectl_forms_work_for_consumers(provider: Provider) -> None:
    alice = provider.consumer()
    assert alice.kubectl("get", "cpuflavors").splitlines()[0].split() == [
        "NAME",
        "CORES",
        "THREADS",
        "BASE",
        "AGE",
    ]
    assert "BOOST" in alice.kubectl("get", "cpuf", "-o", "wide")
    assert json.loads(alice.kubectl("get", "cpuflavor", "cpu-2", "-o", "json"))["spec"]["cores"] == 2
    assert "Cores:         2" in alice.kubectl("describe", "cpuflavor", "cpu-2")
    assert "Physical cores." in alice.kubectl("explain", "cpuflavor.spec.cores")
    assert "get,list,watch" in alice.kubectl("api-resources", "--api-group=cloud.example.com", "-o", "wide")


def test_object_reads_as_the_provider_wrote_it(provider: Provider) -> None:
    alice = provider.consumer()
    manifest = flavour("written", 4, tier="gold")
    manifest["metadata"]["annotations"] = {"example.com/note": "kept"}
    cloud = provider.workspace
    cloud.kubectl("apply", "-f", "-", input=json.dumps(manifest))
    until(lambda: "written" in alice.names(FLAVOURS))
    source, seen = cloud.get(f"{FLAVOURS}/written"), alice.get(f"{FLAVOURS}/written")
    assert seen["spec"] == source["spec"]
    for kept in ("uid", "creationTimestamp", "generation", "labels", "resourceVersion"):
        assert seen["metadata"][kept] == source["metadata"][kept]
    assert "managedFields" not in seen["metadata"]
    assert seen["metadata"]["annotations"] == {"example.com/note": "kept", "kcp.io/cluster": alice.cluster}
    cloud.delete(f"{FLAVOURS}/written")


def test_every_consumer_sees_change_and_deletion(provider: Provider, tmp_path: Path) -> None:
    alice, bob, cloud = provider.consumer(), provider.consumer(), provider.workspace
    cloud.create(FLAVOURS, flavour("fleeting", 4))
    until(lambda: all("fleeting" in each.names(FLAVOURS) for each in (alice, bob)))
    outputs = {each.path: tmp_path / each.path.replace(":", "-") for each in (alice, bob)}
    arguments = ("get", "cpuflavors", "-w", "--output-watch-events")
    server = cloud.server

    def until_line(*words: str) -> None:
        def everywhere() -> bool:
            return all(
                any(line.split()[: len(words)] == list(words) for line in output.read_text().splitlines())
                for output in outputs.values()
            )

        until(everywhere, what=" ".join(words))

    with (
        server.kubectl_running(*arguments, output=outputs[alice.path], workspace=alice.path),
        server.kubectl_running(*arguments, output=outputs[bob.path], workspace=bob.path),
    ):
        until_line("ADDED", "fleeting", "4")
        cloud.kubectl("patch", "cpuflavor", "fleeting", "--type=merge", "-p", '{"spec":{"cores":6}}')
        until_line("MODIFIED", "fleeting", "6")
        cloud.kubectl("delete", "cpuflavor", "fleeting")
        until_line("DELETED", "fleeting", "6")
    assert "NotFound" in alice.kubectl("get", "cpuflavor", "fleeting", check=False)


def test_consumer_that_binds_late_sees_everything(provider: Provider) -> None:
    cloud = provider.workspace
    cloud.create(FLAVOURS, flavour("before", 4))
    late = provider.consumer("late")
    until(lambda: late.names(FLAVOURS) == cloud.names(FLAVOURS))
    cloud.create(FLAVOURS, flavour("after", 4))
    until(lambda: "after" in late.names(FLAVOURS))


def test_unbinding_ends_watches_and_removes_the_api(provider: Provider) -> None:
    alice, bob = provider.consumer(), provider.consumer()
    alice.create("/apis/cloud.example.com/v1/namespaces/default/instances", instance("web"))
    with alice.api.watch(alice.url(FLAVOURS)) as events:
        catalogue.until_added(events, "cpu-1")
        alice.kubectl("delete", "apibinding", "compute", "--timeout=30s")
        until(lambda: events.ended, what="the watch to end")
    assert alice.api.request("GET", alice.url(FLAVOURS)).status == 404
    assert "cpuflavors" not in alice.kubectl("api-resources", "-o", "name")
    assert "cpu-1" in bob.names(FLAVOURS)
    catalogue.bind(alice, provider.workspace.path)
    assert alice.names("/apis/cloud.example.com/v1/instances") == []


def test_nothing_is_served_before_binding(provider: Provider, server: Server) -> None:
    stranger = catalogue.workspace(server, "stranger")
    assert stranger.api.request("GET", stranger.url(FLAVOURS)).status == 404
    base = f"/services/replication/{provider.workspace.cluster}/cpuflavors-v1/clusters/{stranger.cluster}"
    assert stranger.api.request("GET", base + FLAVOURS).status in (403, 404)


def test_bound_name_conflicts_with_an_own_crd(provider: Provider, server: Server) -> None:
    own = catalogue.with_flavours(server, "conflicting", count=1)
    catalogue.bind(own, provider.workspace.path, wait=False)

    def reasons() -> list[str]:
        status = own.get(f"{BINDINGS}/compute").get("status") or {}
        return [each.get("reason", "") for each in status.get("conditions") or []]

    until(lambda: "NamingConflicts" in reasons(), what="NamingConflicts")
    assert own.names(FLAVOURS) == ["cpu-1"]


def test_provider_sees_instances_of_all_consumers_and_updates_their_status(provider: Provider) -> None:
    alice, bob = provider.consumer(), provider.consumer()
    url = "/apis/cloud.example.com/v1/namespaces/default/instances"
    alice.create(url, instance("web"))
    bob.create(url, instance("database"))
    base = f"/services/apiexport/{provider.workspace.path}/{EXPORT}/clusters"
    api = alice.api

    def seen() -> set[tuple[str, str]]:
        items = api.get(f"{base}/*/apis/cloud.example.com/v1/instances")["items"]
        return {
            (each["metadata"]["annotations"]["kcp.io/cluster"], each["metadata"]["name"]) for each in items
        }

    until(lambda: {(alice.cluster, "web"), (bob.cluster, "database")} <= seen(), what="both instances")
    api.merge(f"{base}/{alice.cluster}{url}/web/status", {"status": {"phase": "Running"}})
    assert alice.get(f"{url}/web")["status"]["phase"] == "Running"
    assert "status" not in bob.get(f"{url}/database")


def test_wildcard_holds_each_flavour_once_per_consumer(provider: Provider) -> None:
    alice, bob = provider.consumer(), provider.consumer()
    base = f"/services/replication/{provider.workspace.cluster}/cpuflavors-v1/clusters/*"
    items = alice.api.get(base + FLAVOURS)["items"]
    seen = [(each["metadata"]["annotations"]["kcp.io/cluster"], each["metadata"]["name"]) for each in items]
    assert len(seen) == len(set(seen))
    assert {(alice.cluster, "cpu-1"), (bob.cluster, "cpu-1")} <= set(seen)
    assert alice.api.request("GET", f"{base}{FLAVOURS}/cpu-1").status == 400


def instance(name: str) -> dict[str, object]:
    """An Instance that refers to flavours."""
    return {
        "apiVersion": "cloud.example.com/v1",
        "kind": "Instance",
        "metadata": {"name": name},
        "spec": {"cpuFlavor": "cpu-1", "memFlavor": "mem-large"},
    }
