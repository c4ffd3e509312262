"""The official Python client, as a consumer's program uses it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import kubernetes
import pytest
from kubernetes import client, dynamic, watch

from tests.e2e import catalogue
from tests.e2e.catalogue import FLAVOURS, GROUP, Provider, Workspace, flavour
from tests.servers import Server

pytestmark = [pytest.mark.e2e, pytest.mark.filterwarnings("ignore")]  # warnings of the client's own


@pytest.fixture(scope="module")
def provider(server: Server) -> Provider:
    """A provider of three flavours."""
    return catalogue.publish(server, "python")


@pytest.fixture(scope="module")
def alice(provider: Provider) -> Workspace:
    """A bound consumer."""
    return provider.consumer("alice")


@pytest.fixture(scope="module")
def api_client(
    server: Server, alice: Workspace, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[client.ApiClient]:
    """The client, with a kubeconfig for the consumer's workspace."""
    kubeconfig = tmp_path_factory.mktemp("alice") / "kubeconfig"
    server.manage("kubeconfig", "--workspace", alice.path, "--output", str(kubeconfig))
    configuration = client.Configuration()
    kubernetes.config.load_kube_config(str(kubeconfig), client_configuration=configuration)
    with client.ApiClient(configuration) as made:
        yield made


@pytest.fixture
def custom(api_client: client.ApiClient) -> Any:
    """Custom resources by group, version, plural."""
    return client.CustomObjectsApi(api_client)


def test_list_and_get(custom: Any, provider: Provider) -> None:
    listed = custom.list_cluster_custom_object(GROUP, "v1", "cpuflavors")
    assert [item["metadata"]["name"] for item in listed["items"]] == provider.flavours
    assert listed["kind"] == "CPUFlavorList"
    assert custom.get_cluster_custom_object(GROUP, "v1", "cpuflavors", "cpu-2")["spec"]["cores"] == 2


def test_write_is_method_not_allowed(custom: Any) -> None:
    with pytest.raises(client.ApiException) as refused:
        custom.create_cluster_custom_object(GROUP, "v1", "cpuflavors", flavour("mine"))
    assert refused.value.status == 405


def test_watch_from_a_list_misses_nothing_and_resumes(custom: Any, provider: Provider) -> None:
    version = custom.list_cluster_custom_object(GROUP, "v1", "cpuflavors")["metadata"]["resourceVersion"]
    cloud = provider.workspace

    def write() -> None:
        for cores in range(3, 9):
            cloud.merge(f"{FLAVOURS}/cpu-1", {"spec": {"cores": cores}})

    def follow(since: str, count: int) -> list[Any]:
        events = []
        watcher = watch.Watch()
        stream = watcher.stream(
            custom.list_cluster_custom_object,
            GROUP,
            "v1",
            "cpuflavors",
            resource_version=since,
            timeout_seconds=30,
        )
        for event in stream:
            events.append(event["object"])
            if len(events) == count:
                watcher.stop()
        return events

    writer = threading.Thread(target=write)
    writer.start()
    first = follow(version, 3)
    rest = follow(first[-1]["metadata"]["resourceVersion"], 3)
    writer.join()
    assert [each["spec"]["cores"] for each in first + rest] == [3, 4, 5, 6, 7, 8]


def test_dynamic_client_discovers_and_reads(api_client: client.ApiClient, provider: Provider) -> None:
    flavours = dynamic.DynamicClient(api_client).resources.get(api_version=f"{GROUP}/v1", kind="CPUFlavor")
    assert sorted(flavours.verbs) == ["get", "list", "watch"]
    assert [item.metadata.name for item in flavours.get().items] == provider.flavours
    assert flavours.get(name="cpu-3").spec.cores == 3


def test_typed_client_writes_built_in_kinds(api_client: client.ApiClient) -> None:
    core = client.CoreV1Api(api_client)
    made = core.create_namespaced_config_map(
        "default", client.V1ConfigMap(metadata=client.V1ObjectMeta(name="typed"), data={"a": "1"})
    )
    assert made.data == {"a": "1"}
    core.patch_namespaced_config_map("typed", "default", {"data": {"b": "2"}})
    assert core.read_namespaced_config_map("typed", "default").data == {"a": "1", "b": "2"}
    core.delete_namespaced_config_map("typed", "default")
    with pytest.raises(client.ApiException) as gone:
        core.read_namespaced_config_map("typed", "default")
    assert gone.value.status == 404


def test_dynamic_client_writes_instances(api_client: client.ApiClient) -> None:
    instances = dynamic.DynamicClient(api_client).resources.get(api_version=f"{GROUP}/v1", kind="Instance")
    body = {
        "apiVersion": f"{GROUP}/v1",
        "kind": "Instance",
        "metadata": {"name": "web"},
        "spec": {"cpuFlavor": "cpu-1", "memFlavor": "mem-large"},
    }
    instances.create(body=body, namespace="default")
    instances.patch(
        name="web",
        namespace="default",
        body={"spec": {"cpuFlavor": "cpu-2"}},
        content_type="application/merge-patch+json",
    )
    assert instances.get(name="web", namespace="default").spec.cpuFlavor == "cpu-2"
    instances.delete(name="web", namespace="default")
