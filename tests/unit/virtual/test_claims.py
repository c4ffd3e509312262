from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from kcpcache.apimachinery import conditions
from kcpcache.apimachinery.objects import JSONObject
from tests.unit.controllers.conftest import binding, crd, export, on_database, resource_schema, settle
from tests.unit.virtual.conftest import APIS, Caller, change
from workspaces.registry import client, scopes
from workspaces.registry.resolver import resolver

pytestmark = on_database

CONFIGMAPS = "/api/v1/namespaces/default/configmaps"
GOLD = {"matchLabels": {"tier": "gold"}}
MERGE = "application/merge-patch+json"
Bound = Callable[..., str]


def claim(*verbs: str, resource: str = "configmaps", **more: Any) -> JSONObject:
    return {"group": "", "resource": resource, "verbs": list(verbs or ("*",)), **more}


def accepted(*verbs: str, **more: Any) -> JSONObject:
    return claim(*verbs, **{"selector": {"matchAll": True}, "state": "Accepted", **more})


def configmap(name: str, **labels: str) -> JSONObject:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": labels}}


def create(cluster: str, name: str, **labels: str) -> None:
    client.create(cluster, "", "configmaps", configmap(name, **labels), "default")


def exists(cluster: str, name: str) -> bool:
    return client.get(cluster, "", "configmaps", name, "default") is not None


def condition(consumer: str, type: str) -> tuple[str, str, str]:
    bound = client.get(consumer, APIS, "apibindings", "compute")
    assert bound is not None
    found = conditions.of(bound, type) or {}
    return found.get("status", ""), found.get("reason", ""), found.get("message", "")


@pytest.fixture
def claiming(provider: str) -> str:
    """The provider, whose export claims all of configmaps."""
    change(provider, "apiexports", "compute", {"permissionClaims": [claim()]})
    return provider


def test_accepted_claim_is_served_with_its_verbs(claiming: str, consumer: Bound, call: Caller) -> None:
    alice = consumer("alice", accepted())
    assert condition(alice, "PermissionClaimsApplied")[0] == "True"
    assert call("POST", alice, CONFIGMAPS, configmap("made")).status_code == 201
    assert exists(alice, "made")
    assert call.names(alice, CONFIGMAPS) == [(alice, "made")]
    assert call("PATCH", alice, f"{CONFIGMAPS}/made", {"data": {"a": "b"}}, MERGE).status_code == 200
    assert call("GET", alice, f"{CONFIGMAPS}/made").json()["data"] == {"a": "b"}
    assert call("DELETE", alice, f"{CONFIGMAPS}/made").status_code == 200
    assert not exists(alice, "made")


@pytest.mark.parametrize(
    "granted",
    [[], [accepted(state="Rejected")], [accepted(resource="secrets")], [accepted(selector={})]],
    ids=["nothing", "rejected", "another", "selects nothing"],
)
def test_claim_that_is_not_accepted_is_not_there(
    claiming: str, consumer: Bound, call: Caller, granted: list[JSONObject]
) -> None:
    alice = consumer("alice", *granted)
    create(alice, "private")
    for method, path in (
        ("GET", CONFIGMAPS),
        ("GET", f"{CONFIGMAPS}/private"),
        ("DELETE", f"{CONFIGMAPS}/private"),
    ):
        assert call(method, alice, path).status_code == 404
    assert call("POST", alice, CONFIGMAPS, configmap("made")).status_code == 404
    assert call("GET", "*", "/api/v1/configmaps").status_code == 404
    assert exists(alice, "private")


def test_what_the_export_does_not_claim_is_not_there(provider: str, consumer: Bound, call: Caller) -> None:
    alice = consumer("alice", accepted())
    assert call("GET", alice, CONFIGMAPS).status_code == 404
    assert condition(alice, "PermissionClaimsValid")[:2] == ("False", "InvalidPermissionClaims")


def test_verb_that_is_not_claimed_is_forbidden(claiming: str, consumer: Bound, call: Caller) -> None:
    alice = consumer("alice", accepted("get", "patch"))
    create(alice, "kept")
    assert call("GET", alice, f"{CONFIGMAPS}/kept").status_code == 200
    refused = [
        call("GET", alice, CONFIGMAPS),
        call("GET", alice, f"{CONFIGMAPS}?watch=true"),
        call("POST", alice, CONFIGMAPS, configmap("made")),
        call("PUT", alice, f"{CONFIGMAPS}/kept", configmap("kept")),
        call("DELETE", alice, f"{CONFIGMAPS}/kept"),
        call("DELETE", alice, CONFIGMAPS),
        call(
            "PATCH",
            alice,
            f"{CONFIGMAPS}/made?fieldManager=x",
            configmap("made"),
            "application/apply-patch+yaml",
        ),
    ]
    assert [(response.status_code, response.json()["reason"]) for response in refused] == [
        (403, "Forbidden")
    ] * 7
    assert exists(alice, "kept")
    assert not exists(alice, "made")


def test_verbs_are_those_that_export_and_binding_name(provider: str, consumer: Bound, call: Caller) -> None:
    change(provider, "apiexports", "compute", {"permissionClaims": [claim("get", "list")]})
    alice, bob = consumer("alice", accepted()), consumer("bob", accepted("delete"))
    create(alice, "kept")
    assert call.names(alice, CONFIGMAPS) == [(alice, "kept")]
    assert call("DELETE", alice, f"{CONFIGMAPS}/kept").status_code == 403
    assert call("GET", bob, CONFIGMAPS).status_code == 404
    assert condition(bob, "PermissionClaimsApplied")[0] == "False"


def test_selector_hides_every_other_object(claiming: str, consumer: Bound, call: Caller) -> None:
    alice = consumer("alice", accepted(selector=GOLD))
    create(alice, "mine", tier="gold")
    create(alice, "private")
    assert call.names(alice, CONFIGMAPS) == [(alice, "mine")]
    assert call("GET", alice, f"{CONFIGMAPS}/private").status_code == 404
    assert call("PATCH", alice, f"{CONFIGMAPS}/private", {"data": {}}, MERGE).status_code == 404
    assert call("DELETE", alice, f"{CONFIGMAPS}/private").status_code == 404
    taken = {"metadata": {"labels": {"tier": "gold"}}}
    assert call("PATCH", alice, f"{CONFIGMAPS}/private", taken, MERGE).status_code == 404
    lost = {"metadata": {"labels": {"tier": "iron"}}}
    assert call("PATCH", alice, f"{CONFIGMAPS}/mine", lost, MERGE).status_code == 403
    assert call("POST", alice, CONFIGMAPS, configmap("made")).status_code == 403
    assert call("POST", alice, CONFIGMAPS, configmap("made", tier="gold")).status_code == 201
    assert call("DELETE", alice, CONFIGMAPS).status_code == 200
    assert [exists(alice, name) for name in ("mine", "made", "private")] == [False, False, True]


def test_another_consumer_is_never_visible(
    claiming: str, consumer: Bound, workspace: Bound, call: Caller
) -> None:
    alice, bob = consumer("alice", accepted()), consumer("bob", accepted(selector=GOLD))
    carol, stranger = consumer("carol"), workspace("stranger")
    for cluster in (alice, bob, carol, stranger, claiming):
        create(cluster, "plain")
        create(cluster, "golden", tier="gold")
    assert {cluster for cluster, _ in call.names(alice, CONFIGMAPS)} == {alice}
    expected = sorted([(alice, "golden"), (alice, "plain"), (bob, "golden")])
    assert call.names("*", "/api/v1/configmaps") == expected
    for cluster in (carol, stranger, claiming):
        assert call("GET", cluster, CONFIGMAPS).status_code == 404
    assert call("GET", "*", f"{CONFIGMAPS}/plain").status_code in (400, 405)
    assert call("POST", "*", CONFIGMAPS, configmap("made")).status_code == 405


def test_wildcard_has_only_those_who_grant_the_verb(claiming: str, consumer: Bound, call: Caller) -> None:
    alice, bob = consumer("alice", accepted("get", "list")), consumer("bob", accepted("get"))
    for cluster in (alice, bob):
        create(cluster, "plain")
    assert call.names("*", "/api/v1/configmaps") == [(alice, "plain")]
    assert call("GET", "*", "/api/v1/configmaps?watch=true").status_code == 403


def test_pages_of_the_wildcard_hold_everything_once(claiming: str, consumer: Bound, call: Caller) -> None:
    clusters = [consumer(name, accepted()) for name in ("alice", "bob")]
    consumer("carol")
    for cluster in clusters:
        for index in range(3):
            create(cluster, f"c{index}")
    found, token = [], ""
    while True:
        page = call("GET", "*", f"/api/v1/configmaps?limit=2&continue={token}").json()
        found += [
            (each["metadata"]["annotations"]["kcp.io/cluster"], each["metadata"]["name"])
            for each in page["items"]
        ]
        token = page["metadata"].get("continue", "")
        if not token:
            break
    assert found == [(cluster, f"c{index}") for cluster in sorted(clusters) for index in range(3)]


def test_withdrawn_claim_is_gone_before_any_worker_runs(claiming: str, consumer: Bound, call: Caller) -> None:
    alice = consumer("alice", accepted())
    assert call("GET", alice, CONFIGMAPS).status_code == 200

    def withdraw(obj: JSONObject) -> JSONObject:
        obj["spec"]["permissionClaims"] = [accepted(state="Rejected")]
        return obj

    client.update(alice, APIS, "apibindings", "compute", withdraw)
    assert call("GET", alice, CONFIGMAPS).status_code == 404
    assert call("GET", "*", "/api/v1/configmaps").status_code == 404


def test_claim_ends_with_the_binding(claiming: str, consumer: Bound, call: Caller) -> None:
    alice = consumer("alice", accepted())
    held = {"metadata": {"name": "vm", "finalizers": ["cloud.example.com/release"]}}
    client.create(alice, "cloud.example.com", "instances", held)
    client.delete(alice, APIS, "apibindings", "compute")
    settle()
    assert call("GET", alice, "/apis/cloud.example.com/v1/instances").status_code == 200
    assert call("GET", alice, CONFIGMAPS).status_code == 404


def test_claim_is_not_granted_to_an_export_of_another_identity(
    claiming: str, consumer: Bound, call: Caller
) -> None:
    alice = consumer("alice", accepted())
    create(alice, "private")
    client.create(alice, "cloud.example.com", "instances", {"metadata": {"name": "vm"}})
    client.delete(claiming, APIS, "apiexports", "compute")
    client.delete(claiming, "", "secrets", "compute", "kcp-system")
    settle()
    other = export("compute", "instances")
    other["spec"]["permissionClaims"] = [claim()]
    client.create(claiming, APIS, "apiexports", other)
    settle()
    assert condition(alice, "Ready")[:2] == ("False", "IdentityChanged")
    assert call("GET", alice, CONFIGMAPS).status_code == 404
    assert call("GET", "*", "/api/v1/configmaps").status_code == 404
    assert call.names("*", "/apis/cloud.example.com/v1/instances") == []


def test_labels_that_are_no_labels_are_refused(claiming: str, consumer: Bound, call: Caller) -> None:
    alice = consumer("alice", accepted(selector=GOLD))
    strange = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "labels": ["tier"]}}
    assert call("POST", alice, CONFIGMAPS, strange).status_code in (400, 403)


def test_discovery_tells_the_claimed_verbs(claiming: str, consumer: Bound, call: Caller) -> None:
    alice = consumer("alice", accepted("list", "get"))
    found = call("GET", alice, "/api/v1").json()["resources"]
    assert [(each["name"], each["verbs"]) for each in found] == [("configmaps", ["get", "list"])]
    assert call("GET", alice, "/openapi/v3/api/v1").status_code == 200


def test_claim_means_the_built_in_resource_or_the_one_of_an_identity(
    provider: str, consumer: Bound, workspace: Bound, call: Caller
) -> None:
    other = workspace("network")
    client.create(other, APIS, "apiresourceschemas", resource_schema("nets", "Net", group="net.example.com"))
    client.create(other, APIS, "apiexports", export("network", "nets", group="net.example.com"))
    settle()
    offered = client.get(other, APIS, "apiexports", "network")
    assert offered is not None
    identity = offered["status"]["identityHash"]
    nets = {"group": "net.example.com", "resource": "nets", "verbs": ["*"], "identityHash": identity}
    change(provider, "apiexports", "compute", {"permissionClaims": [nets]})
    granted = {**nets, "selector": {"matchAll": True}, "state": "Accepted"}
    alice, bob = consumer("alice", granted), consumer("bob", granted)
    url = "/apis/net.example.com/v1/nets"
    assert call("GET", alice, url).status_code == 404
    applied = condition(alice, "PermissionClaimsApplied")
    assert applied[:2] == ("False", "PermissionClaimsNotServed")
    assert "nets.net.example.com is not served in this workspace" in applied[2]
    client.create(alice, APIS, "apibindings", binding("network", "root:network", "network"))
    client.create(
        bob, "apiextensions.k8s.io", "customresourcedefinitions", crd("nets", "Net", group="net.example.com")
    )
    settle()
    client.create(alice, "net.example.com", "nets", {"metadata": {"name": "blue"}})
    client.create(bob, "net.example.com", "nets", {"metadata": {"name": "own"}})
    assert call.names(alice, url) == [(alice, "blue")]
    assert condition(alice, "PermissionClaimsApplied")[0] == "True"
    assert call("GET", bob, url).status_code == 404
    assert call("GET", "*", url).status_code == 404


def test_bindings_are_never_written_through_a_claim(provider: str, consumer: Bound, call: Caller) -> None:
    asked = claim(resource="apibindings", group="apis.kcp.io")
    change(provider, "apiexports", "compute", {"permissionClaims": [asked]})
    alice = consumer("alice", {**asked, "selector": {"matchAll": True}, "state": "Accepted"})
    url = "/apis/apis.kcp.io/v1alpha2/apibindings"
    assert call.names(alice, url) == [(alice, "compute")]
    patch = {"spec": {"permissionClaims": []}}
    assert call("PATCH", alice, f"{url}/compute", patch, MERGE).status_code == 403


def test_watch_is_of_another_identity_when_its_claim_changes(claiming: str, consumer: Bound) -> None:
    def identities(cluster: str) -> str:
        resolver().refresh()
        scope = scopes.factory_of("apiexport")(Address(cluster), True)  # type: ignore[misc]
        assert scope is not None
        return scope.resources()[("", "v1", "configmaps")].identity

    alice = consumer("alice", accepted())
    one, everywhere = identities(alice), identities("*")
    consumer("bob", accepted())
    assert (identities(alice), identities("*") == everywhere) == (one, False)
    change(alice, "apibindings", "compute", {"permissionClaims": [accepted("get")]})
    assert identities(alice) != one


class Address:
    """The part of a request that names a scope."""

    prefix = "apiexport"
    prefix_args = ("root:cloud", "compute")

    def __init__(self, cluster: str) -> None:
        self.cluster = cluster
