from __future__ import annotations

import base64
from collections.abc import Callable

import pytest

from kcpcache.apimachinery import conditions
from kcpcache.apimachinery.objects import JSONObject
from tests.unit.controllers.conftest import binding, crd, export, on_database, resource_schema, settle
from workspaces.controllers import identity
from workspaces.registry import catalogue, client

pytestmark = on_database
APIS = "apis.kcp.io"
CRDS = ("apiextensions.k8s.io", "customresourcedefinitions")
KEY_HASH = "676a1a997f7507fdfcfd1fcf35920efdff1297cd215cad4f486220c30a5c7090"


def condition_of(obj: JSONObject | None, type: str) -> tuple[str, str]:
    assert obj is not None
    found = conditions.of(obj, type) or {}
    return found.get("status", ""), found.get("reason", "")


@pytest.fixture
def provider(workspace: Callable[..., str]) -> str:
    cluster = workspace("cloud")
    for plural, kind in (("instances", "Instance"), ("disks", "Disk")):
        client.create(cluster, APIS, "apiresourceschemas", resource_schema(plural, kind))
    client.create(cluster, APIS, "apiexports", export("compute", "instances"))
    settle()
    return cluster


@pytest.fixture
def consumer(workspace: Callable[..., str]) -> str:
    return workspace("alice")


def bind(consumer: str, name: str = "compute", export_name: str = "compute") -> JSONObject:
    client.create(consumer, APIS, "apibindings", binding(name, "root:cloud", export_name))
    settle()
    return bound(consumer, name)


def bound(consumer: str, name: str = "compute") -> JSONObject:
    found = client.get(consumer, APIS, "apibindings", name)
    assert found is not None
    return found


def test_export_gets_identity_slice_and_url(provider: str) -> None:
    found = client.get(provider, APIS, "apiexports", "compute")
    assert found is not None
    reference = found["spec"]["identity"]["secretRef"]
    assert reference == {"name": "compute", "namespace": "kcp-system"}
    key = identity.read_key(provider, reference)
    assert key is not None
    assert found["status"]["identityHash"] == identity.hash_key(key)
    assert condition_of(found, "IdentityValid") == ("True", "")
    made = client.get(provider, APIS, "apiexportendpointslices", "compute")
    assert made is not None
    assert made["status"]["endpoints"][0]["url"].endswith("/services/apiexport/root:cloud/compute")
    assert condition_of(made, "APIExportValid") == ("True", "")


def test_identity_hash_is_the_sha256_of_the_key() -> None:
    assert identity.hash_key(b"instances-cr-identity-123") == KEY_HASH


def test_identity_recovers_when_its_secret_appears_and_keeps_its_hash_when_it_changes(provider: str) -> None:
    reference = {"name": "mine", "namespace": "default"}
    made = {"metadata": {"name": "keyed"}, "spec": {"identity": {"secretRef": reference}}}
    client.create(provider, APIS, "apiexports", made)
    settle()
    assert condition_of(client.get(provider, APIS, "apiexports", "keyed"), "IdentityValid")[0] == "False"
    secret = {"metadata": {"name": "mine"}, "stringData": {"key": "instances-cr-identity-123"}}
    client.create(provider, "", "secrets", secret, "default")
    settle()
    found = client.get(provider, APIS, "apiexports", "keyed")
    assert condition_of(found, "IdentityValid") == ("True", "")
    assert found is not None
    assert found["status"]["identityHash"] == KEY_HASH
    other = base64.b64encode(b"other").decode()
    client.update(provider, "", "secrets", "mine", lambda obj: {**obj, "data": {"key": other}}, "default")
    settle()
    found = client.get(provider, APIS, "apiexports", "keyed")
    assert condition_of(found, "IdentityValid") == ("False", "IdentityVerificationFailed")
    assert found is not None
    assert found["status"]["identityHash"] == KEY_HASH


def test_binding_serves_the_exported_resource(provider: str, consumer: str) -> None:
    found = bind(consumer)
    assert found["status"]["phase"] == "Bound"
    assert found["status"]["apiExportClusterName"] == provider
    assert [
        condition_of(found, type)
        for type in ("APIExportValid", "InitialBindingCompleted", "BindingUpToDate", "Ready")
    ] == [("True", "")] * 4
    exported = client.get(provider, APIS, "apiexports", "compute")
    assert exported is not None
    [entry] = found["status"]["boundResources"]
    assert (entry["group"], entry["resource"], entry["storageVersions"]) == (
        "cloud.example.com",
        "instances",
        ["v1"],
    )
    assert entry["schema"]["identityHash"] == exported["status"]["identityHash"]
    client.create(consumer, "cloud.example.com", "instances", {"metadata": {"name": "vm"}})


def test_binding_waits_for_its_export(workspace: Callable[..., str], consumer: str) -> None:
    assert condition_of(bind(consumer), "APIExportValid") == ("False", "APIExportNotFound")
    cluster = workspace("cloud")
    client.create(cluster, APIS, "apiresourceschemas", resource_schema("instances", "Instance"))
    client.create(cluster, APIS, "apiexports", export("compute", "instances"))
    settle()
    assert condition_of(bound(consumer), "Ready") == ("True", "")


def test_export_that_grows_reaches_its_bindings(provider: str, consumer: str) -> None:
    bind(consumer)
    grown = export("compute", "instances", "disks")["spec"]["resources"]
    client.update(
        provider,
        APIS,
        "apiexports",
        "compute",
        lambda obj: {**obj, "spec": {**obj["spec"], "resources": grown}},
    )
    settle()
    resources = [entry["resource"] for entry in bound(consumer)["status"]["boundResources"]]
    assert resources == ["disks", "instances"]


def test_name_that_a_crd_has_is_not_bound_until_the_crd_goes(provider: str, consumer: str) -> None:
    client.create(consumer, *CRDS, crd("instances", "Instance"))
    assert condition_of(bind(consumer), "InitialBindingCompleted") == ("False", "NamingConflicts")
    assert bound(consumer)["status"]["phase"] == "Binding"
    client.delete(consumer, *CRDS, "instances.cloud.example.com")
    settle(lambda: condition_of(bound(consumer), "Ready") == ("True", ""))


def test_crd_after_a_binding_is_not_established_until_the_binding_goes(provider: str, consumer: str) -> None:
    bind(consumer)
    made = client.create(consumer, *CRDS, crd("instances", "Instance"))
    assert condition_of(made, "NamesAccepted") == ("False", "PluralConflict")
    assert condition_of(made, "Established") == ("False", "NotAccepted")
    client.delete(consumer, APIS, "apibindings", "compute")
    settle()
    found = client.get(consumer, *CRDS, "instances.cloud.example.com")
    assert condition_of(found, "Established") == ("True", "InitialNamesAccepted")


def test_unbinding_deletes_what_was_stored_under_the_binding(provider: str, consumer: str) -> None:
    found = bind(consumer)
    [entry] = found["status"]["boundResources"]
    stored = catalogue.storage_identity(provider, entry["schema"]["identityHash"])
    for index in range(3):
        client.create(consumer, "cloud.example.com", "instances", {"metadata": {"name": f"vm-{index}"}})
    assert client.exists(consumer, "cloud.example.com", "instances", stored)
    client.delete(consumer, APIS, "apibindings", "compute")
    settle(lambda: client.get(consumer, APIS, "apibindings", "compute") is None)
    assert not client.exists(consumer, "cloud.example.com", "instances", stored)


def test_claims_are_applied_where_both_sides_agree(provider: str, consumer: str) -> None:
    claim = {"group": "", "resource": "configmaps", "verbs": ["get", "list"]}
    client.update(
        provider,
        APIS,
        "apiexports",
        "compute",
        lambda obj: {**obj, "spec": {**obj["spec"], "permissionClaims": [claim]}},
    )
    granted = {**claim, "verbs": ["*"], "selector": {"matchAll": True}, "state": "Accepted"}
    made = binding("compute", "root:cloud", "compute")
    made["spec"]["permissionClaims"] = [granted]
    client.create(consumer, APIS, "apibindings", made)
    settle()
    [applied] = bound(consumer)["status"]["appliedPermissionClaims"]
    assert applied["verbs"] == ["get", "list"]
    assert condition_of(bound(consumer), "PermissionClaimsValid") == ("True", "")
