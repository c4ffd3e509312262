"""What is deleted is gone: from consumers, from conditions, from the cache."""

from __future__ import annotations

import contextlib
import socket

import pytest

from kcpcache.settings import private_socket
from tests.e2e import catalogue
from tests.e2e.catalogue import CACHED, CRDS, EXPORT, EXPORTS, FLAVOURS, cached_resource, flavour
from tests.servers import Server
from tests.waiting import until

pytestmark = pytest.mark.e2e

RESOURCE = f"{CACHED}/cpuflavors-v1"
SLICE = "/apis/cache.kcp.io/v1alpha1/cachedresourceendpointslices/cpuflavors-v1"


def redis_keys(server: Server, cluster: str) -> list[str]:
    """The keys in the server's cache that mention a logical cluster."""
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as connection:
        connection.settimeout(5)
        connection.connect(str(private_socket(server.data_dir)))
        connection.sendall(f"KEYS *{cluster}*\r\n".encode())
        received = b""
        while True:
            received += connection.recv(65536)
            lines = received.split(b"\r\n")
            if lines[0].startswith(b"*") and len(lines) >= 2 * int(lines[0][1:]) + 2:
                return [line.decode() for line in lines[2::2] if line]


def test_deleted_cached_resource_is_withdrawn_and_leaves_no_key(server: Server) -> None:
    provider = catalogue.publish(server, "withdrawing")
    cloud, alice = provider.workspace, provider.consumer()
    assert redis_keys(server, cloud.cluster)
    cloud.kubectl("delete", "cachedresource", "cpuflavors-v1", "--timeout=30s")
    until(
        lambda: alice.api.request("GET", alice.url(FLAVOURS)).status != 200,
        what="the flavours to be withdrawn",
    )
    until(lambda: not redis_keys(server, cloud.cluster), what="every key to be gone")
    assert cloud.names(FLAVOURS) == provider.flavours
    until(lambda: cloud.api.request("GET", cloud.url(SLICE)).status == 404, what="the slice to be collected")


def test_cached_resource_that_comes_back_is_served_again(server: Server) -> None:
    cloud = catalogue.with_flavours(server, "returning")
    cloud.kubectl("create", "secret", "generic", "own", "--from-literal=key=returning")
    identity = {"secretRef": {"name": "own", "namespace": "default"}}
    catalogue.export(cloud, catalogue.replicate(cloud, identity=identity))
    alice = catalogue.Provider(cloud).consumer()
    cloud.kubectl("delete", "cachedresource", "cpuflavors-v1", "--timeout=30s")
    until(lambda: alice.api.request("GET", alice.url(FLAVOURS)).status != 200)
    cloud.delete(f"{FLAVOURS}/cpu-2")
    catalogue.replicate(cloud, identity=identity)
    alice.until_names(FLAVOURS, "cpu-1", "cpu-3")


def test_object_with_a_finalizer_is_shown_until_it_is_really_gone(server: Server) -> None:
    provider = catalogue.publish(server, "finalizing")
    cloud, alice = provider.workspace, provider.consumer()
    cloud.merge(f"{FLAVOURS}/cpu-1", {"metadata": {"finalizers": ["example.com/hold"]}})
    with alice.api.watch(alice.url(FLAVOURS)) as events:
        catalogue.until_added(events, "cpu-1")
        cloud.delete(f"{FLAVOURS}/cpu-1")
        until(lambda: "deletionTimestamp" in alice.get(f"{FLAVOURS}/cpu-1")["metadata"])
        cloud.merge(f"{FLAVOURS}/cpu-1", {"metadata": {"finalizers": None}})
        events.wait_for("DELETED", "cpu-1")
    alice.until_names(FLAVOURS, "cpu-2", "cpu-3")


def test_deleted_crd_is_told_and_recovers_when_it_comes_back(server: Server) -> None:
    provider = catalogue.publish(server, "uncrd")
    cloud = provider.workspace
    cloud.kubectl("delete", "crd", "cpuflavors.cloud.example.com", "--timeout=30s")
    failed = cloud.until_condition(RESOURCE, "ResourceValid", "False")
    assert failed["message"]
    cloud.create(CRDS, catalogue.documents("crds.yaml")[0])
    cloud.until_condition(RESOURCE, "ResourceValid")
    cloud.create(FLAVOURS, flavour("new"))
    catalogue.until_counts(cloud, local=1, cache=1)


@pytest.mark.parametrize(
    "spec",
    [
        {"resource": "nosuches"},
        {"group": "", "version": "v1", "resource": "namespaces"},
        {"group": "apis.kcp.io", "version": "v1alpha2", "resource": "apibindings"},
    ],
    ids=["unknown", "built-in", "apis.kcp.io"],
)
def test_invalid_cached_resource_can_always_be_deleted(server: Server, spec: dict[str, str]) -> None:
    cloud = catalogue.workspace(server, "deletable")
    answer = cloud.api.request("POST", cloud.url(CACHED), cached_resource(**spec))
    if answer.status == 201:
        cloud.until_condition(RESOURCE, "ResourceValid", "False")
        cloud.kubectl("delete", "cachedresource", "cpuflavors-v1", "--timeout=30s")
    else:
        assert answer.status in (403, 422), answer.content
    assert cloud.names(CACHED) == []


def test_one_cached_resource_for_each_resource(server: Server) -> None:
    cloud = catalogue.with_flavours(server, "single", count=1)
    catalogue.replicate(cloud)
    answer = cloud.api.request("POST", cloud.url(CACHED), cached_resource("another"))
    assert answer.status in (403, 409, 422), answer.content
    assert "cpuflavors-v1" in answer.json["message"]
    changed = cloud.api.request(
        "PATCH",
        cloud.url(RESOURCE),
        {"spec": {"resource": "memflavors"}},
        content_type="application/merge-patch+json",
    )
    assert changed.status == 422, changed.content


def test_deleted_workspace_takes_everything_with_it(server: Server) -> None:
    provider = catalogue.publish(server, "doomed")
    cloud, alice = provider.workspace, provider.consumer()
    assert redis_keys(server, cloud.cluster)
    name = cloud.path.rpartition(":")[2]
    server.kubectl("delete", "workspace", name, "--timeout=60s")
    assert cloud.api.request("GET", cloud.url("/api/v1/namespaces")).status in (403, 404)
    assert cloud.api.request("GET", f"/clusters/{cloud.cluster}/api/v1/namespaces").status in (403, 404)
    until(lambda: not redis_keys(server, cloud.cluster), what="every key to be gone")
    until(lambda: alice.api.request("GET", alice.url(FLAVOURS)).status != 200, what="consumers to be told")


def test_workspace_of_the_same_name_begins_empty(server: Server) -> None:
    first = catalogue.with_flavours(server, "again", count=1)
    name = first.path.rpartition(":")[2]
    server.kubectl("delete", "workspace", name, "--timeout=60s")
    manifest = {"apiVersion": "tenancy.kcp.io/v1alpha1", "kind": "Workspace", "metadata": {"name": name}}
    first.api.create("/clusters/root/apis/tenancy.kcp.io/v1alpha1/workspaces", manifest)
    until(lambda: first.api.request("GET", first.url("/api/v1/namespaces/default")).status == 200)
    assert first.names(CRDS) == []
    assert first.api.request("GET", first.url(FLAVOURS)).status == 404


def test_watch_ends_when_its_crd_is_deleted(server: Server) -> None:
    cloud = catalogue.with_flavours(server, "watched", count=1)
    with cloud.api.watch(cloud.url(FLAVOURS)) as events:
        catalogue.until_added(events, "cpu-1")
        cloud.delete(f"{CRDS}/cpuflavors.cloud.example.com")
        events.wait_for("DELETED", "cpu-1")
        until(lambda: events.ended, what="the watch to end")


def test_watch_ends_when_its_workspace_is_deleted(server: Server) -> None:
    cloud = catalogue.workspace(server, "watched")
    with cloud.api.watch(cloud.url("/api/v1/configmaps")) as events:
        server.kubectl("delete", "workspace", cloud.path.rpartition(":")[2], "--timeout=60s")
        until(lambda: events.ended, what="the watch to end")


def test_consumers_watch_ends_when_the_cached_resource_is_deleted(server: Server) -> None:
    provider = catalogue.publish(server, "watched")
    alice = provider.consumer()
    with alice.api.watch(alice.url(FLAVOURS)) as events:
        catalogue.until_added(events, *provider.flavours)
        provider.workspace.delete(RESOURCE)
        until(lambda: events.ended, what="the watch to end")


def test_consumers_watch_ends_when_the_export_no_longer_offers_it(server: Server) -> None:
    provider = catalogue.publish(server, "watched")
    cloud, alice = provider.workspace, provider.consumer()
    with alice.api.watch(alice.url(FLAVOURS)) as events:
        catalogue.until_added(events, *provider.flavours)
        resources = cloud.get(f"{EXPORTS}/{EXPORT}")["spec"]["resources"]
        cloud.merge(f"{EXPORTS}/{EXPORT}", {"spec": {"resources": resources[:1]}})
        until(lambda: events.ended, what="the watch to end")
    assert alice.api.request("GET", alice.url(FLAVOURS)).status == 404
