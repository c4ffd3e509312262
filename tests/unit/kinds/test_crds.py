from __future__ import annotations

import copy
from typing import Any

import pytest

from kcpcache.apimachinery import conditions, errors
from kcpcache.apimachinery.objects import JSONObject
from tests.unit.controllers.conftest import crd, on_database, settle
from workspaces.registry import client

pytestmark = on_database
CRDS = ("apiextensions.k8s.io", "customresourcedefinitions")
NAME = "flavors.cloud.example.com"


def test_crd_is_served_when_its_create_returns(cluster: str) -> None:
    made = client.create(cluster, *CRDS, crd("flavors", "Flavor"))
    assert conditions.is_true(made, "NamesAccepted")
    assert conditions.is_true(made, "Established")
    assert made["status"]["storedVersions"] == ["v1"]
    assert made["status"]["acceptedNames"] == {
        "plural": "flavors",
        "singular": "flavor",
        "kind": "Flavor",
        "listKind": "FlavorList",
    }
    assert made["spec"]["conversion"] == {"strategy": "None"}
    client.create(cluster, "cloud.example.com", "flavors", {"metadata": {"name": "small"}})


def test_kind_that_is_taken_is_not_accepted_until_it_is_free(cluster: str) -> None:
    client.create(cluster, *CRDS, crd("flavors", "Flavor"))
    made = client.create(cluster, *CRDS, crd("tastes", "Flavor"))
    assert not conditions.is_true(made, "Established")
    condition = conditions.of(made, "NamesAccepted")
    assert condition is not None
    assert condition["reason"] in ("SingularConflict", "KindConflict")
    client.delete(cluster, *CRDS, NAME)
    settle()
    found = client.get(cluster, *CRDS, "tastes.cloud.example.com")
    assert found is not None
    assert conditions.is_true(found, "Established")


def with_version(**changes: Any) -> JSONObject:
    made = crd("flavors", "Flavor")
    made["spec"]["versions"][0] |= changes
    return made


def with_spec(**changes: Any) -> JSONObject:
    made = crd("flavors", "Flavor")
    made["spec"] |= changes
    return made


COLUMN = {"name": "Size", "type": "string", "jsonPath": ".spec.size"}
SCHEMA = {
    "type": "object",
    "properties": {"spec": {"type": "object", "properties": {"size": {"type": "string"}}}},
}


@pytest.mark.parametrize(
    ("made", "message"),
    [
        ({**crd("flavors", "Flavor"), "metadata": {"name": "tastes.cloud.example.com"}}, "metadata.name"),
        (with_version(storage=False), "exactly one version marked as storage version"),
        (with_version(schema=None), "schemas are required"),
        (with_version(schema={"openAPIV3Schema": {"properties": {}}}), "must not be empty at the root"),
        (with_version(additionalPrinterColumns=[{**COLUMN, "type": "text"}]), "must be one of"),
        (with_version(additionalPrinterColumns=[{**COLUMN, "jsonPath": "spec.size"}]), "starting with"),
        (with_version(additionalPrinterColumns=[{**COLUMN, "jsonPath": ".spec["}]), "jsonPath"),
        (with_version(selectableFields=[{"jsonPath": ".spec.colour"}]), "selectableFields"),
        (
            with_version(
                subresources={"scale": {"specReplicasPath": ".a", "statusReplicasPath": ".status.b"}}
            ),
            "under",
        ),
        (with_spec(scope="Galaxy"), "spec.scope"),
        (with_spec(conversion={"strategy": "Webhook"}), "conversion.strategy"),
        (with_spec(preserveUnknownFields=True), "preserveUnknownFields"),
        (with_spec(group="tenancy.kcp.io"), "spec.group"),
        (with_spec(group="plain"), "at least one dot"),
        (crd("gateways", "Gateway", group="gateway.networking.k8s.io"), "api-approved"),
    ],
)
def test_wrong_definition_is_refused(cluster: str, made: JSONObject, message: str) -> None:
    with pytest.raises(errors.Invalid, match=message):
        client.create(cluster, *CRDS, copy.deepcopy(made))


def test_selectable_field_of_the_schema_is_accepted(cluster: str) -> None:
    made = with_version(schema={"openAPIV3Schema": SCHEMA}, selectableFields=[{"jsonPath": ".spec.size"}])
    assert conditions.is_true(client.create(cluster, *CRDS, made), "Established")


def test_scope_is_immutable_and_stored_versions_stay(cluster: str) -> None:
    client.create(cluster, *CRDS, crd("flavors", "Flavor"))

    def change(**spec: Any) -> JSONObject | None:
        return client.update(cluster, *CRDS, NAME, lambda obj: {**obj, "spec": {**obj["spec"], **spec}})

    with pytest.raises(errors.Invalid, match=r"spec\.scope"):
        change(scope="Namespaced")
    versions = copy.deepcopy(crd("flavors", "Flavor")["spec"]["versions"])
    renamed = [{**versions[0], "name": "v2"}]
    with pytest.raises(errors.Invalid, match=r"must appear in spec\.versions"):
        change(versions=renamed)
    changed = change(versions=[{**versions[0], "storage": False}, *renamed])
    assert changed is not None
    assert changed["status"]["storedVersions"] == ["v1", "v2"]
