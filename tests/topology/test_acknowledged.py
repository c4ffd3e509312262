"""No request that starts after an acknowledged write sees an older state, whichever process answers."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e import catalogue
from tests.e2e.catalogue import BINDINGS, CRDS, EXPORT, EXPORTS, FLAVOURS, GROUP, SCHEMAS, Workspace, flavour
from tests.topology.deployment import Deployment
from tests.topology.watching import at, version
from tests.waiting import until

pytestmark = pytest.mark.e2e

TIMES = 50
MAPS = "/api/v1/namespaces/default/configmaps"


@pytest.fixture(scope="module")
def cloud(deployment: Deployment) -> Workspace:
    """A provider's workspace without an export."""
    return catalogue.with_flavours(deployment.a, count=1)


def turns(deployment: Deployment, workspace: Workspace, times: int) -> list[tuple[int, Workspace, Workspace]]:
    """A number, the workspace at one process and at the other; the roles change with every turn."""
    a, b = (at(workspace, web) for web in deployment.webs)
    return [(number, *((a, b) if number % 2 else (b, a))) for number in range(times)]


def crd(number: int) -> dict[str, Any]:
    """A CRD of its own for each number."""
    plural = f"things{number}"
    schema = {
        "type": "object",
        "properties": {"spec": {"type": "object", "properties": {"size": {"type": "integer"}}}},
    }
    versions = [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}]
    names = {"plural": plural, "singular": f"thing{number}", "kind": f"Thing{number}"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": {"group": GROUP, "names": names, "scope": "Cluster", "versions": versions},
    }


def thing(number: int, name: str, **spec: Any) -> dict[str, Any]:
    """An object of such a CRD."""
    metadata = {"name": name}
    return {"apiVersion": f"{GROUP}/v1", "kind": f"Thing{number}", "metadata": metadata, "spec": spec}


def served(workspace: Workspace) -> set[str]:
    """The resources of the group, as discovery has them."""
    answer = workspace.api.request("GET", workspace.url(f"/apis/{GROUP}/v1"))
    return {resource["name"] for resource in answer.json["resources"]} if answer.status == 200 else set()


def test_crd_created_through_one_process_is_served_by_the_other(
    deployment: Deployment, cloud: Workspace
) -> None:
    for number, here, there in turns(deployment, cloud, TIMES):
        here.create(CRDS, crd(number))
        if number % 3:
            there.create(f"/apis/{GROUP}/v1/things{number}", thing(number, "first", size=number))
        else:
            assert f"things{number}" in served(there)
    for number, here, there in turns(deployment, cloud, TIMES // 5):
        here.delete(f"{CRDS}/things{number}.{GROUP}")
        until_gone(here, f"{CRDS}/things{number}.{GROUP}")
        assert f"things{number}" not in served(there)


def until_gone(workspace: Workspace, path: str) -> None:
    """Wait until an object that was deleted has gone through its finalizers."""
    until(lambda: workspace.api.request("GET", workspace.url(path)).status == 404, what=f"{path} to go")


def test_data_written_through_one_process_is_read_through_the_other(
    deployment: Deployment, cloud: Workspace
) -> None:
    for number, here, there in turns(deployment, cloud, TIMES):
        name = f"written-{number}"
        created = here.create(MAPS, {"metadata": {"name": name}, "data": {"step": "created"}})
        assert there.get(f"{MAPS}/{name}") == created
        updated = there.merge(f"{MAPS}/{name}", {"data": {"step": "updated"}})
        assert here.get(f"{MAPS}/{name}") == updated
        listed = here.get(MAPS)
        assert int(version(listed)) >= int(version(updated))
        assert {item["metadata"]["name"]: item["data"] for item in listed["items"]}[name] == updated["data"]
        here.delete(f"{MAPS}/{name}")
        assert there.api.request("GET", there.url(f"{MAPS}/{name}")).status == 404


def test_schema_changed_through_one_process_is_kept_by_the_other(
    deployment: Deployment, cloud: Workspace
) -> None:
    number = 1000
    cloud.create(CRDS, crd(number))
    path = f"/apis/{GROUP}/v1/things{number}"
    for turn, here, there in turns(deployment, cloud, TIMES // 2):
        changed = crd(number)["spec"]["versions"]
        properties = changed[0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
        properties["size"]["maximum"] = turn
        properties[f"field{turn}"] = {"type": "string"}
        here.merge(f"{CRDS}/things{number}.{GROUP}", {"spec": {"versions": changed}})
        too_large = there.api.request("POST", there.url(path), thing(number, f"large-{turn}", size=turn + 1))
        assert too_large.status == 422, too_large.content
        fields = {"size": turn, f"field{turn}": "kept", f"field{turn - 1}": "pruned"}
        stored = there.create(path, thing(number, f"fits-{turn}", **fields))
        assert stored["spec"] == {"size": turn, f"field{turn}": "kept"}


def test_bindings_exports_and_their_schemas_are_seen_by_the_other_process(deployment: Deployment) -> None:
    a, b = deployment.webs
    provider = catalogue.publish(a, count=1)
    cloud = provider.workspace
    consumers = [catalogue.workspace(a, "consumer") for _ in range(4)]
    placed = list(zip(consumers, (a, b, a, b), (b, a, b, a), strict=True))
    for consumer, here, there in placed:
        catalogue.bind(at(consumer, here), cloud.path, wait=False)
        until(lambda: _is_bound(at(consumer, here)), what="the binding")  # noqa: B023
        assert "cpuflavors" in served(at(consumer, there))
        assert [item["metadata"]["name"] for item in at(consumer, there).get(FLAVOURS)["items"]] == ["cpu-1"]
    _exported_schema_changes(at(cloud, a), [at(consumer, b) for consumer in consumers])
    for consumer, here, there in placed:
        at(consumer, here).delete(f"{BINDINGS}/compute")
        until_gone(at(consumer, here), f"{BINDINGS}/compute")
        assert "cpuflavors" not in served(at(consumer, there))


def _exported_schema_changes(cloud: Workspace, consumers: list[Workspace]) -> None:
    """A new schema of `instances` is what consumers are held to by the other process, as soon as they report it."""
    schema = next(
        each for each in catalogue.documents("schemas.yaml") if "instances" in each["metadata"]["name"]
    )
    schema["metadata"]["name"] = f"other.{schema['metadata']['name'].partition('.')[2]}"
    schema["spec"]["names"]["shortNames"] = ["renewed"]
    cloud.create(SCHEMAS, schema)
    resources = cloud.get(f"{EXPORTS}/{EXPORT}")["spec"]["resources"]
    for resource in resources:
        if resource["name"] == "instances":
            resource["schema"] = schema["metadata"]["name"]
    cloud.merge(f"{EXPORTS}/{EXPORT}", {"spec": {"resources": resources}})
    for consumer in consumers:
        until(lambda: "renewed" in _short_names(consumer), what="the new schema")  # noqa: B023


def _short_names(workspace: Workspace) -> list[str]:
    resources = workspace.get(f"/apis/{GROUP}/v1")["resources"]
    return [name for resource in resources for name in resource.get("shortNames", [])]


def _is_bound(consumer: Workspace) -> bool:
    return bool((consumer.get(f"{BINDINGS}/compute").get("status") or {}).get("phase") == "Bound")


def test_replica_never_goes_back_whichever_process_is_asked(deployment: Deployment) -> None:
    provider = catalogue.publish(deployment.a, count=1)
    cloud, alice = provider.workspace, provider.consumer()
    newest, cores = 0, 0
    for number, here, there in turns(deployment, alice, TIMES):
        cloud.merge(f"{FLAVOURS}/cpu-1", {"spec": {"cores": number + 2}})
        for reader in (here, there):
            listed = reader.get(FLAVOURS)
            (item,) = listed["items"]
            assert int(version(listed)) >= newest
            assert item["spec"]["cores"] >= cores
            newest, cores = int(version(listed)), item["spec"]["cores"]
    until(lambda: alice.get(f"{FLAVOURS}/cpu-1")["spec"]["cores"] == TIMES + 1, what="the last change")


def test_flavour_that_was_created_is_refused_a_second_time_by_the_other_process(
    deployment: Deployment, cloud: Workspace
) -> None:
    for number, here, there in turns(deployment, cloud, TIMES // 5):
        here.create(FLAVOURS, flavour(f"unique-{number}"))
        again = there.api.request("POST", there.url(FLAVOURS), flavour(f"unique-{number}"))
        assert (again.status, again.json["reason"]) == (409, "AlreadyExists")
