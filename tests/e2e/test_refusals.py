"""No write through a consumer's view of a virtual resource succeeds, by any verb."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import catalogue
from tests.e2e.catalogue import EXPORT, FLAVOURS, Provider, Workspace, flavour
from tests.servers import Server

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def provider(server: Server) -> Provider:
    """A provider of three flavours."""
    return catalogue.publish(server, "refusing")


@pytest.fixture(scope="module")
def alice(provider: Provider) -> Workspace:
    """A bound consumer."""
    return provider.consumer("alice")


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "flavour.json"
    path.write_text(json.dumps(flavour("cpu-1", 99)))
    return str(path)


@pytest.fixture(autouse=True)
def nothing_changes(provider: Provider, alice: Workspace) -> Any:
    """Whatever a test tries, provider and consumer read afterwards what they read before."""
    before = [place.get(FLAVOURS)["items"] for place in (provider.workspace, alice)]
    yield
    assert [place.get(FLAVOURS)["items"] for place in (provider.workspace, alice)] == before


@pytest.mark.parametrize(
    "arguments",
    [
        ("create", "-f", "{file}"),
        ("apply", "-f", "{file}"),
        ("apply", "--server-side", "-f", "{file}"),
        ("replace", "-f", "{file}"),
        ("replace", "--force", "-f", "{file}"),
        ("patch", "cpuflavor", "cpu-1", "--type=merge", "-p", '{"spec":{"cores":99}}'),
        ("patch", "cpuflavor", "cpu-1", "--type=json", "-p", '[{"op":"remove","path":"/spec/cores"}]'),
        ("label", "cpuflavor", "cpu-1", "mine=yes"),
        ("annotate", "cpuflavor", "cpu-1", "mine=yes"),
        ("delete", "cpuflavor", "cpu-1"),
        ("delete", "cpuflavors", "--all"),
        ("delete", "cpuflavors", "-l", "!none"),
        ("create", "-f", "{file}", "--dry-run=server"),
    ],
    ids=lambda arguments: " ".join(arguments)[:40],
)
def test_kubectl_is_refused_and_told_who_provides(
    alice: Workspace, provider: Provider, file: str, arguments: tuple[str, ...]
) -> None:
    filled = [
        argument.replace("{file}", file) if argument == "{file}" else argument for argument in arguments
    ]
    done = alice.server.kubectl(*filled, workspace=alice.path, check=False)
    assert done.returncode != 0, done.stdout
    assert provider.workspace.path in done.stderr
    assert EXPORT in done.stderr


def test_edit_is_refused(alice: Workspace, provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(alice.server.environment, "KUBE_EDITOR", "sed -i s/cores:.*/cores:\\ 99/")
    done = alice.server.kubectl("edit", "cpuflavor", "cpu-1", workspace=alice.path, check=False)
    assert done.returncode != 0
    assert provider.workspace.path in done.stderr + done.stdout


@pytest.mark.parametrize(
    ("method", "path", "content_type"),
    [
        ("POST", "", "application/json"),
        ("PUT", "/cpu-1", "application/json"),
        ("PATCH", "/cpu-1", "application/merge-patch+json"),
        ("PATCH", "/cpu-1", "application/json-patch+json"),
        ("PATCH", "/cpu-1", "application/apply-patch+yaml"),
        ("PATCH", "/no-such", "application/apply-patch+yaml"),
        ("DELETE", "/cpu-1", "application/json"),
        ("DELETE", "", "application/json"),
    ],
)
def test_answer_is_405_method_not_allowed(
    alice: Workspace, method: str, path: str, content_type: str
) -> None:
    answer = alice.api.request(
        method, alice.url(FLAVOURS + path), flavour("cpu-1", 99), content_type=content_type
    )
    assert (answer.status, answer.json["reason"]) == (405, "MethodNotAllowed")
    assert answer.json["kind"] == "Status"


def test_status_and_scale_do_not_exist_or_are_refused(alice: Workspace) -> None:
    for subresource in ("status", "scale"):
        url = alice.url(f"{FLAVOURS}/cpu-1/{subresource}")
        answer = alice.api.request("PUT", url, flavour("cpu-1", 99))
        assert answer.status in (404, 405)


def test_override_header_does_not_turn_a_read_into_a_write(alice: Workspace) -> None:
    url = alice.url(f"{FLAVOURS}/cpu-1")
    assert alice.api.request("GET", url, headers={"X-HTTP-Method-Override": "DELETE"}).status == 200


def test_exported_virtual_workspace_refuses_too(alice: Workspace, provider: Provider) -> None:
    for cluster in (alice.cluster, "*"):
        url = f"/services/apiexport/{provider.workspace.path}/{EXPORT}/clusters/{cluster}{FLAVOURS}/cpu-1"
        answer = alice.api.request("DELETE", url)
        assert answer.status in (400, 404, 405), answer.content
    listed = alice.api.get(
        f"/services/apiexport/{provider.workspace.path}/{EXPORT}/clusters/{alice.cluster}{FLAVOURS}"
    )
    assert [item["metadata"]["name"] for item in listed["items"]] == provider.flavours


def test_replication_virtual_workspace_refuses_too(alice: Workspace, provider: Provider) -> None:
    base = f"/services/replication/{provider.workspace.cluster}/cpuflavors-v1/clusters/{alice.cluster}"
    assert len(alice.api.get(base + FLAVOURS)["items"]) == 3
    for method, path in (("POST", ""), ("PUT", "/cpu-1"), ("DELETE", "/cpu-1"), ("DELETE", "")):
        answer = alice.api.request(method, base + FLAVOURS + path, flavour("cpu-1", 99))
        assert answer.status == 405, answer.content


def test_discovery_names_the_reading_verbs_only(alice: Workspace) -> None:
    document = alice.get(f"/apis/{catalogue.GROUP}/v1")
    verbs = {entry["name"]: entry["verbs"] for entry in document["resources"]}
    assert sorted(verbs["cpuflavors"]) == ["get", "list", "watch"]
    assert "create" in verbs["instances"]
