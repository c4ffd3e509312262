from __future__ import annotations

import base64
from collections.abc import Callable

import pytest

from kcpcache.apimachinery import conditions, errors
from kcpcache.apimachinery.objects import JSONObject
from tests.unit.controllers.conftest import binding, crd, export, on_database, resource_schema, settle
from workspaces.controllers import identity
from workspaces.kinds import indexes
from workspaces.models import Index, Work
from workspaces.registry import bindings, catalogue, client
from workspaces.registry.addresses import WorkspaceAddress
from workspaces.store import content

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
    grow(provider)
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


def grow(provider: str) -> None:
    grown = export("compute", "instances", "disks")["spec"]["resources"]
    client.update(
        provider,
        APIS,
        "apiexports",
        "compute",
        lambda obj: {**obj, "spec": {**obj["spec"], "resources": grown}},
    )
    settle()


def test_resource_that_could_not_be_bound_is_not_served_until_it_is(provider: str, consumer: str) -> None:
    bind(consumer)
    client.create(consumer, *CRDS, crd("thedisks", "Disk"))
    grow(provider)
    assert condition_of(bound(consumer), "BindingUpToDate") == ("False", "NamingConflicts")
    with pytest.raises(errors.NotFound):
        client.create(consumer, "cloud.example.com", "disks", {"metadata": {"name": "fast"}})
    client.delete(consumer, *CRDS, "thedisks.cloud.example.com")
    settle(lambda: condition_of(bound(consumer), "Ready") == ("True", ""))
    client.create(consumer, "cloud.example.com", "disks", {"metadata": {"name": "fast"}})
    client.delete(consumer, APIS, "apibindings", "compute")
    settle(lambda: client.get(consumer, APIS, "apibindings", "compute") is None)
    held = {(each.group, each.resource) for each in content.collections(consumer)}
    assert not {group for group, _ in held} & {"cloud.example.com"}


def come_back(provider: str) -> None:
    """The export is deleted and made again, with a new key."""
    client.delete(provider, APIS, "apiexports", "compute")
    client.delete(provider, "", "secrets", "compute", "kcp-system")
    settle()
    client.create(provider, APIS, "apiexports", export("compute", "instances"))
    settle()


def test_export_with_another_identity_does_not_get_at_what_is_stored(provider: str, consumer: str) -> None:
    before = bind(consumer)
    client.create(consumer, "cloud.example.com", "instances", {"metadata": {"name": "vm"}})
    come_back(provider)
    found = bound(consumer)
    assert condition_of(found, "APIExportValid") == ("False", "IdentityChanged")
    assert condition_of(found, "Ready") == ("False", "IdentityChanged")
    assert "delete this APIBinding" in conditions.of(found, "Ready")["message"]  # type: ignore[index]
    for name in ("apiExportClusterName", "boundResources"):
        assert found["status"][name] == before["status"][name]
    with pytest.raises(errors.NotFound):
        client.create(consumer, "cloud.example.com", "instances", {"metadata": {"name": "new"}})
    client.delete(consumer, APIS, "apibindings", "compute")
    settle(lambda: client.get(consumer, APIS, "apibindings", "compute") is None)
    assert "cloud.example.com" not in {each.group for each in content.collections(consumer)}


def test_export_whose_identity_comes_back_is_served_again(provider: str, consumer: str) -> None:
    key = {"metadata": {"name": "kept"}, "stringData": {"key": "instances-cr-identity-123"}}
    client.create(provider, "", "secrets", key, "default")
    made = export("keyed", "instances")
    made["spec"]["identity"] = {"secretRef": {"name": "kept", "namespace": "default"}}
    client.create(provider, APIS, "apiexports", made)
    settle()
    bind(consumer, export_name="keyed")
    client.create(consumer, "cloud.example.com", "instances", {"metadata": {"name": "vm"}})
    client.delete(provider, APIS, "apiexports", "keyed")
    settle()
    assert condition_of(bound(consumer), "Ready") == ("False", "APIExportNotFound")
    client.create(provider, APIS, "apiexports", made)
    settle()
    assert condition_of(bound(consumer), "Ready") == ("True", "")
    assert [each["metadata"]["name"] for each in client.list(consumer, "cloud.example.com", "instances")] == [
        "vm"
    ]


def test_export_with_another_identity_is_taken_where_nothing_is_stored(provider: str, consumer: str) -> None:
    bind(consumer)
    come_back(provider)
    assert condition_of(bound(consumer), "Ready") == ("True", "")
    client.create(consumer, "cloud.example.com", "instances", {"metadata": {"name": "new"}})


@pytest.mark.parametrize("by_path", [True, False])
def test_end_of_a_provider_workspace_is_told_to_its_consumers(
    provider: str, consumer: str, by_path: bool
) -> None:
    made = binding("compute", "root:cloud" if by_path else provider, "compute")
    client.create(consumer, APIS, "apibindings", made)
    settle()
    assert condition_of(bound(consumer), "Ready") == ("True", "")
    client.delete("root", "tenancy.kcp.io", "workspaces", "cloud")
    settle(lambda: client.get("root", "tenancy.kcp.io", "workspaces", "cloud") is None)
    assert condition_of(bound(consumer), "APIExportValid") == ("False", "APIExportNotFound")
    assert condition_of(bound(consumer), "Ready") == ("False", "APIExportNotFound")


def test_reference_longer_than_an_index_value_is_found(consumer: str) -> None:
    path = ":".join(["department"] * 70)
    client.create(consumer, APIS, "apibindings", binding("deep", path, "compute"))
    [(cluster, found)] = bindings.bindings_of(WorkspaceAddress("deep0", path), "compute")
    assert (cluster, found["metadata"]["name"]) == (consumer, "deep")


def test_no_index_value_is_longer_than_its_column(consumer: str) -> None:
    long = "x" * 1000
    spec = export("long", "instances")["spec"]
    spec["identity"] = {"secretRef": {"name": long, "namespace": "default"}}
    spec["resources"][0]["schema"] = f"{long}.instances.cloud.example.com"
    reference = {"apiGroup": "cache.kcp.io", "kind": "CachedResourceEndpointSlice", "name": long}
    spec["resources"][0]["storage"] = {"virtual": {"reference": reference, "identityHash": KEY_HASH}}
    client.create(consumer, APIS, "apiexports", {"metadata": {"name": "long"}, "spec": spec})
    made = {"metadata": {"name": "long"}, "spec": {"cachedResource": {"name": long}}}
    client.create(consumer, "cache.kcp.io", "cachedresourceendpointslices", made)
    names = (indexes.SECRET, indexes.SCHEMA, indexes.SLICE, indexes.CACHED_RESOURCE)
    found = dict(Index.objects.filter(cluster=consumer, index__in=names).values_list("index", "value"))
    assert set(found) == set(names)
    assert max(map(len, found.values())) <= Index._meta.get_field("value").max_length
    assert (
        max(map(len, Work.objects.values_list("name", flat=True))) <= Work._meta.get_field("name").max_length
    )


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
