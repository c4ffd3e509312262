from __future__ import annotations

from collections.abc import Callable

from kcpcache.apimachinery.objects import JSONObject
from tests.unit.controllers.conftest import crd, export, on_database, settle
from tests.unit.virtual.conftest import APIS, GROUP, Caller, change
from workspaces.registry import client

pytestmark = on_database

INSTANCES = f"/apis/{GROUP}/v1/instances"
DISKS = f"/apis/{GROUP}/v1/disks"
Bound = Callable[..., str]


def unbind(consumer: str) -> None:
    client.delete(consumer, APIS, "apibindings", "compute")
    settle()


def held(name: str) -> JSONObject:
    return {"metadata": {"name": name, "finalizers": ["cloud.example.com/release"]}}


def test_provider_takes_its_finalizers_off_while_a_consumer_unbinds(consumer: Bound, call: Caller) -> None:
    alice = consumer("alice")
    client.create(alice, GROUP, "instances", held("vm"))
    unbind(alice)
    assert client.get(alice, APIS, "apibindings", "compute") is not None
    found = call("GET", alice, f"{INSTANCES}/vm")
    assert found.status_code == 200
    assert found.json()["metadata"]["deletionTimestamp"]
    patch = {"metadata": {"finalizers": None}}
    released = call("PATCH", alice, f"{INSTANCES}/vm", patch, "application/merge-patch+json")
    assert released.status_code == 200
    settle(lambda: client.get(alice, APIS, "apibindings", "compute") is None)
    assert call("GET", alice, INSTANCES).status_code == 404


def test_nothing_new_is_created_where_a_consumer_unbinds(consumer: Bound, call: Caller) -> None:
    alice = consumer("alice")
    client.create(alice, GROUP, "instances", held("vm"))
    unbind(alice)
    made = {"apiVersion": f"{GROUP}/v1", "kind": "Instance", "metadata": {"name": "late"}}
    refused = call("POST", alice, INSTANCES, made)
    assert refused.status_code == 405
    assert "is being unbound" in refused.json()["message"]
    applied = call("PATCH", alice, f"{INSTANCES}/late?fieldManager=x", made, "application/apply-patch+yaml")
    assert applied.status_code == 405
    assert call.names(alice, INSTANCES) == [(alice, "vm")]


def test_workspace_that_never_bound_is_not_there(provider: str, workspace: Bound, call: Caller) -> None:
    stranger = workspace("stranger")
    assert call("GET", stranger, INSTANCES).status_code == 404


def test_resource_that_a_consumer_could_not_bind_is_served_neither_to_it_nor_to_the_provider(
    provider: str, consumer: Bound, call: Caller
) -> None:
    alice, bob = consumer("alice"), consumer("bob")
    made = crd("thedisks", "Disk")
    client.create(alice, "apiextensions.k8s.io", "customresourcedefinitions", made)
    change(
        provider,
        "apiexports",
        "compute",
        {"resources": export("x", "instances", "disks")["spec"]["resources"]},
    )
    assert call("GET", alice, DISKS).status_code == 404
    assert call("GET", alice, INSTANCES).status_code == 200
    assert call("GET", bob, DISKS).status_code == 200
    client.create(bob, GROUP, "disks", {"metadata": {"name": "fast"}})
    assert call.names("*", DISKS) == [(bob, "fast")]
