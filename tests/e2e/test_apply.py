"""`manage.py apply -f`: files, folders and streams into a workspace, many objects in one transaction."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from supervisor.demo.story import MANIFESTS
from tests.e2e import catalogue
from tests.e2e.catalogue import FLAVOURS, Workspace, flavour
from tests.servers import PROJECT, Server
from tests.waiting import until

pytestmark = pytest.mark.e2e


@pytest.fixture
def cloud(server: Server) -> Workspace:
    """An empty workspace."""
    return catalogue.workspace(server, "applying")


def apply(cloud: Workspace, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    return cloud.server.manage("apply", "--workspace", cloud.path, *arguments, check=check)


def summary(cloud: Workspace, *arguments: str, check: bool = True) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(apply(cloud, "--output", "json", *arguments, check=check).stdout)
    return made


def write(path: Path, *objects: Any) -> str:
    path.write_text("\n---\n".join(json.dumps(obj) for obj in objects))
    return str(path)


def test_objects_before_their_crd_in_one_run(cloud: Workspace, tmp_path: Path) -> None:
    (tmp_path / "1.yaml").write_text((MANIFESTS / "flavours.yaml").read_text())
    (tmp_path / "deeper").mkdir()
    (tmp_path / "deeper" / "2.yml").write_text((MANIFESTS / "crds.yaml").read_text())
    (tmp_path / "notes.txt").write_text("not a manifest")
    made = summary(cloud, "-f", str(tmp_path))
    assert (made["created"], made["failed"]) == (8, 0)
    assert cloud.names(FLAVOURS) == ["cpu-large", "cpu-medium", "cpu-small"]


def test_again_changes_nothing_and_an_edit_is_merged(cloud: Workspace, tmp_path: Path) -> None:
    arguments = ("-f", str(MANIFESTS / "crds.yaml"), "-f", str(MANIFESTS / "flavours.yaml"))
    summary(cloud, *arguments)
    assert summary(cloud, *arguments)["unchanged"] == 8
    edited = flavour("cpu-small", 3, tier="gold")
    assert summary(cloud, "-f", write(tmp_path / "edited.json", edited))["updated"] == 1
    stored = cloud.get(f"{FLAVOURS}/cpu-small")
    assert stored["spec"] == {"cores": 3, "threads": 6, "baseFrequency": "2.4GHz", "architecture": "amd64"}
    assert stored["metadata"]["labels"] == {"tier": "gold"}
    assert stored["metadata"]["generation"] == 2


def test_what_kubectl_printed_can_be_applied_again(cloud: Workspace, tmp_path: Path) -> None:
    summary(cloud, "-f", str(MANIFESTS / "crds.yaml"), "-f", str(MANIFESTS / "flavours.yaml"))
    dump = tmp_path / "dump.yaml"
    dump.write_text(cloud.kubectl("get", "cpuflavors", "-o", "yaml"))
    cloud.delete(f"{FLAVOURS}/cpu-small")
    made = summary(cloud, "-f", str(dump))
    assert (made["created"], made["unchanged"], made["failed"]) == (1, 2, 0)


def test_each_failure_is_named_and_the_others_are_stored(cloud: Workspace, tmp_path: Path) -> None:
    summary(cloud, "-f", str(MANIFESTS / "crds.yaml"))
    objects = [flavour("good-1"), flavour("bad", 0), flavour("good-2"), {"kind": "CPUFlavor"}]
    path = write(tmp_path / "mixed.yaml", *objects, {**flavour("who"), "kind": "Unknown"})
    done = apply(cloud, "-f", path, check=False)
    assert done.returncode == 1
    assert f"{path}, document 2: CPUFlavor bad: " in done.stderr
    assert f"{path}, document 4: apiVersion not set" in done.stderr
    assert f'{path}, document 5: Unknown who: no matches for kind "Unknown"' in done.stderr
    assert cloud.names(FLAVOURS) == ["good-1", "good-2"]


def test_unreadable_document_does_not_hide_the_others(cloud: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text(
        (MANIFESTS / "crds.yaml").read_text() + "---\na: [1,\n---\n" + json.dumps(flavour("fine"))
    )
    made = summary(cloud, "-f", str(path), check=False)
    assert made["failed"] == 1
    assert made["errors"][0]["document"] == 3
    assert cloud.names(FLAVOURS) == ["fine"]


def test_standard_input_and_lists(cloud: Workspace) -> None:
    summary(cloud, "-f", str(MANIFESTS / "crds.yaml"))
    listed = {"apiVersion": "v1", "kind": "List", "items": [flavour(f"listed-{n}") for n in range(3)]}
    done = subprocess.run(
        [*_python(), "apply", "--workspace", cloud.path, "-f", "-"],
        env=cloud.server.environment,
        input=json.dumps(listed),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert cloud.names(FLAVOURS) == ["listed-0", "listed-1", "listed-2"]


def _python() -> list[str]:
    import sys

    return [sys.executable, str(PROJECT / "manage.py")]


def test_many_objects_are_served_and_replicated(cloud: Workspace, tmp_path: Path) -> None:
    summary(cloud, "-f", str(MANIFESTS / "crds.yaml"))
    catalogue.replicate(cloud)
    path = write(tmp_path / "many.yaml", *(flavour(f"many-{n:04}") for n in range(2000)))
    done = apply(cloud, "-f", path, "--progress")
    assert "2000 created" in done.stdout
    assert "objects, " in done.stderr
    assert len(cloud.names(FLAVOURS)) == 2000
    catalogue.until_counts(cloud, local=2000, cache=2000)


def test_the_same_object_twice_is_stored_in_order(cloud: Workspace, tmp_path: Path) -> None:
    summary(cloud, "-f", str(MANIFESTS / "crds.yaml"))
    path = write(tmp_path / "twice.yaml", flavour("twice", 1), flavour("twice", 2))
    made = summary(cloud, "-f", path)
    assert (made["created"], made["updated"]) == (1, 1)
    assert cloud.get(f"{FLAVOURS}/twice")["spec"]["cores"] == 2


def test_running_server_and_its_watches_see_what_was_applied(cloud: Workspace, tmp_path: Path) -> None:
    summary(cloud, "-f", str(MANIFESTS / "crds.yaml"))
    with cloud.api.watch(cloud.url(FLAVOURS)) as events:
        summary(cloud, "-f", write(tmp_path / "one.yaml", flavour("watched")))
        events.wait_for("ADDED", "watched")


def test_unknown_fields_are_refused_unless_asked_otherwise(cloud: Workspace, tmp_path: Path) -> None:
    summary(cloud, "-f", str(MANIFESTS / "crds.yaml"))
    obj = flavour("strict")
    obj["spec"]["colour"] = "red"
    path = write(tmp_path / "strict.yaml", obj)
    assert "unknown field" in apply(cloud, "-f", path, check=False).stderr
    assert "Warning: unknown field" in apply(cloud, "-f", path, "--validate", "warn").stderr
    until(lambda: cloud.names(FLAVOURS) == ["strict"])


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("-f", "no-such-file.yaml"), "does not exist"),
        (("-f", "{empty}"), "has no .json, .yaml, .yml files"),
        (
            ("-f", str(MANIFESTS / "crds.yaml"), "--workspace", "root:nowhere"),
            'workspace "root:nowhere" not found',
        ),
    ],
    ids=["no file", "empty folder", "no workspace"],
)
def test_nothing_to_apply_is_one_sentence(
    cloud: Workspace, tmp_path: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    filled = [str(tmp_path) if argument == "{empty}" else argument for argument in arguments]
    done = apply(cloud, *filled, check=False)
    assert done.returncode == 1
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_consumer_of_a_virtual_resource_cannot_apply_to_it(server: Server, tmp_path: Path) -> None:
    provider = catalogue.publish(server, "bulk")
    alice = provider.consumer()
    done = apply(alice, "-f", write(tmp_path / "mine.yaml", flavour("mine")), check=False)
    assert done.returncode == 1
    assert provider.workspace.path in done.stderr
    assert alice.names(FLAVOURS) == provider.flavours
