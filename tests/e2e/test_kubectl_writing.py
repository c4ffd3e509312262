"""Every way in which kubectl writes."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import catalogue
from tests.e2e.catalogue import FLAVOURS, Workspace, flavour
from tests.servers import Server

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def cloud(server: Server) -> Workspace:
    """A workspace with the CRDs; every test makes its own flavours."""
    return catalogue.with_flavours(server, "writing", count=0)


def manifest(tmp_path: Path, obj: Any, name: str = "object.json") -> str:
    path = tmp_path / name
    path.write_text(json.dumps(obj))
    return str(path)


def spec_of(cloud: Workspace, name: str) -> dict[str, Any]:
    spec: dict[str, Any] = cloud.get(f"{FLAVOURS}/{name}")["spec"]
    return spec


def test_create_then_create_again_already_exists(cloud: Workspace, tmp_path: Path) -> None:
    file = manifest(tmp_path, flavour("created"))
    assert "cpuflavor.cloud.example.com/created created" in cloud.kubectl("create", "-f", file)
    assert "AlreadyExists" in cloud.kubectl("create", "-f", file, check=False)


def test_apply_creates_configures_and_leaves_unchanged(cloud: Workspace, tmp_path: Path) -> None:
    obj = flavour("applied", 2)
    file = manifest(tmp_path, obj)
    assert "created" in cloud.kubectl("apply", "-f", file)
    assert "unchanged" in cloud.kubectl("apply", "-f", file)
    obj["spec"]["cores"] = 3
    obj["spec"]["baseFrequency"] = "2.0GHz"
    assert "configured" in cloud.kubectl("apply", "-f", manifest(tmp_path, obj))
    del obj["spec"]["baseFrequency"]
    assert "configured" in cloud.kubectl("apply", "-f", manifest(tmp_path, obj))
    stored = cloud.get(f"{FLAVOURS}/applied")
    assert stored["spec"] == {"cores": 3, "threads": 4, "architecture": "amd64"}
    assert stored["metadata"]["generation"] == 3


def test_server_side_apply_and_its_conflict(cloud: Workspace, tmp_path: Path) -> None:
    file = manifest(tmp_path, flavour("shared", 2))
    assert "serverside-applied" in cloud.kubectl("apply", "--server-side", "-f", file)
    other = manifest(tmp_path, flavour("shared", 9), "other.json")
    refused = cloud.kubectl("apply", "--server-side", "--field-manager=other", "-f", other, check=False)
    assert "conflict" in refused
    assert spec_of(cloud, "shared")["cores"] == 2
    cloud.kubectl("apply", "--server-side", "--field-manager=other", "--force-conflicts", "-f", other)
    assert spec_of(cloud, "shared")["cores"] == 9


def test_diff_shows_what_apply_would_change(cloud: Workspace, tmp_path: Path) -> None:
    cloud.kubectl("apply", "-f", manifest(tmp_path, flavour("compared", 2)))
    changed = manifest(tmp_path, flavour("compared", 7))
    done = cloud.server.kubectl("diff", "-f", changed, workspace=cloud.path, check=False)
    assert done.returncode == 1, done.stderr
    assert "+  cores: 7" in done.stdout
    assert spec_of(cloud, "compared")["cores"] == 2


def test_replace_needs_the_object_and_replaces_all_of_it(cloud: Workspace, tmp_path: Path) -> None:
    obj = flavour("replaced", 2, tier="gold")
    file = manifest(tmp_path, obj)
    assert "NotFound" in cloud.kubectl("replace", "-f", file, check=False)
    cloud.kubectl("create", "-f", file)
    cloud.kubectl("replace", "-f", manifest(tmp_path, flavour("replaced", 5)))
    stored = cloud.get(f"{FLAVOURS}/replaced")
    assert stored["spec"]["cores"] == 5
    assert "labels" not in stored["metadata"]


def test_replace_with_a_stale_resource_version_is_a_conflict(cloud: Workspace, tmp_path: Path) -> None:
    stale = cloud.create(FLAVOURS, flavour("stale"))
    cloud.merge(f"{FLAVOURS}/stale", {"spec": {"cores": 3}})
    output = cloud.kubectl("replace", "-f", manifest(tmp_path, stale), check=False)
    assert "Conflict" in output
    assert "the object has been modified" in output


def test_edit_with_an_editor(cloud: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cloud.create(FLAVOURS, flavour("edited", 2))
    editor = tmp_path / "editor"
    editor.write_text(
        f"#!{sys.executable}\n"
        "import pathlib, sys\n"
        "path = pathlib.Path(sys.argv[1])\n"
        "path.write_text(path.read_text().replace('cores: 2', 'cores: 6'))\n"
    )
    editor.chmod(0o755)
    monkeypatch.setitem(cloud.server.environment, "KUBE_EDITOR", str(editor))
    assert "cpuflavor.cloud.example.com/edited edited" in cloud.kubectl("edit", "cpuflavor", "edited")
    assert spec_of(cloud, "edited")["cores"] == 6


@pytest.mark.parametrize(
    ("kind", "patch"),
    [
        ("merge", '{"spec": {"cores": 8}}'),
        ("json", '[{"op": "replace", "path": "/spec/cores", "value": 8}]'),
    ],
)
def test_patch_of_a_custom_resource(cloud: Workspace, kind: str, patch: str) -> None:
    cloud.create(FLAVOURS, flavour(f"patched-{kind}", 2))
    cloud.kubectl("patch", "cpuflavor", f"patched-{kind}", f"--type={kind}", "-p", patch)
    assert spec_of(cloud, f"patched-{kind}")["cores"] == 8


def test_strategic_patch_is_for_built_in_kinds_only(cloud: Workspace) -> None:
    cloud.create(FLAVOURS, flavour("strategic", 2))
    refused = cloud.kubectl("patch", "cpuflavor", "strategic", "-p", '{"spec": {"cores": 8}}', check=False)
    assert "strategic-merge-patch+json is not supported" in refused
    cloud.kubectl("create", "configmap", "strategic", "--from-literal=a=1", "--from-literal=b=2")
    cloud.kubectl("patch", "configmap", "strategic", "-p", '{"data": {"a": null, "c": "3"}}')
    data = cloud.get("/api/v1/namespaces/default/configmaps/strategic")["data"]
    assert data == {"b": "2", "c": "3"}


def test_label_and_annotate_set_and_remove(cloud: Workspace) -> None:
    cloud.create(FLAVOURS, flavour("labelled"))
    cloud.kubectl("label", "cpuflavor", "labelled", "tier=gold")
    assert "already has a value" in cloud.kubectl("label", "cpuflavor", "labelled", "tier=lead", check=False)
    cloud.kubectl("label", "cpuflavor", "labelled", "tier=lead", "--overwrite")
    cloud.kubectl("annotate", "cpuflavor", "labelled", "example.com/note=hello")
    metadata = cloud.get(f"{FLAVOURS}/labelled")["metadata"]
    assert metadata["labels"] == {"tier": "lead"}
    assert metadata["annotations"]["example.com/note"] == "hello"
    cloud.kubectl("label", "cpuflavor", "labelled", "tier-")
    cloud.kubectl("annotate", "cpuflavor", "labelled", "example.com/note-")
    metadata = cloud.get(f"{FLAVOURS}/labelled")["metadata"]
    assert "labels" not in metadata
    assert "example.com/note" not in metadata["annotations"]


def test_labels_do_not_change_the_generation(cloud: Workspace) -> None:
    cloud.create(FLAVOURS, flavour("generation"))
    cloud.kubectl("label", "cpuflavor", "generation", "tier=gold")
    assert cloud.get(f"{FLAVOURS}/generation")["metadata"]["generation"] == 1


def test_delete_by_name_by_file_and_by_label(cloud: Workspace, tmp_path: Path) -> None:
    for name in ("gone-1", "gone-2"):
        cloud.create(FLAVOURS, flavour(name))
    for name in ("gone-3", "gone-4", "stays"):
        cloud.create(FLAVOURS, flavour(name, batch="no" if name == "stays" else "yes"))
    cloud.kubectl("delete", "cpuflavor", "gone-1")
    cloud.kubectl("delete", "-f", manifest(tmp_path, flavour("gone-2")))
    output = cloud.kubectl("delete", "cpuflavors", "-l", "batch=yes")
    assert output.count(" deleted") == 2
    left = cloud.names(FLAVOURS)
    assert "stays" in left
    assert not {"gone-1", "gone-2", "gone-3", "gone-4"} & set(left)
    assert "NotFound" in cloud.kubectl("delete", "cpuflavor", "gone-1", check=False)
    cloud.kubectl("delete", "cpuflavor", "gone-1", "--ignore-not-found")


def test_server_side_dry_run_stores_nothing(cloud: Workspace, tmp_path: Path) -> None:
    file = manifest(tmp_path, flavour("imagined"))
    assert "created (server dry run)" in cloud.kubectl("create", "-f", file, "--dry-run=server")
    assert "created (server dry run)" in cloud.kubectl("apply", "-f", file, "--dry-run=server")
    assert "imagined" not in cloud.names(FLAVOURS)
    cloud.create(FLAVOURS, flavour("real"))
    cloud.kubectl("delete", "cpuflavor", "real", "--dry-run=server")
    assert "real" in cloud.names(FLAVOURS)


def test_unknown_and_duplicate_fields_are_refused(cloud: Workspace, tmp_path: Path) -> None:
    obj = flavour("strict")
    obj["spec"]["colour"] = "red"
    refused = cloud.kubectl("create", "-f", manifest(tmp_path, obj), check=False)
    assert 'unknown field "spec.colour"' in refused
    warned = cloud.kubectl("create", "-f", manifest(tmp_path, obj), "--validate=warn")
    assert 'Warning: unknown field "spec.colour"' in warned
    assert "colour" not in spec_of(cloud, "strict")


def test_values_outside_the_schema_are_refused_with_their_fields(cloud: Workspace, tmp_path: Path) -> None:
    obj = flavour("bad", cores=0)
    obj["spec"]["baseFrequency"] = "fast"
    refused = cloud.kubectl("create", "-f", manifest(tmp_path, obj), check=False)
    assert "spec.cores" in refused
    assert "spec.baseFrequency" in refused
    assert "bad" not in cloud.names(FLAVOURS)


def test_crd_is_served_at_once_every_time(server: Server, tmp_path: Path) -> None:
    made = catalogue.workspace(server, "immediate")
    for number in range(20):
        plural = f"gadgets{number}"
        crd = catalogue.documents("crds.yaml")[1]
        crd["metadata"]["name"] = f"{plural}.example.com"
        crd["spec"]["group"] = "example.com"
        crd["spec"]["names"] = {"plural": plural, "kind": f"Gadget{number}", "singular": f"gadget{number}"}
        obj = {
            "apiVersion": "example.com/v1",
            "kind": f"Gadget{number}",
            "metadata": {"name": "first"},
            "spec": {"size": "1Gi"},
        }
        made.kubectl("create", "-f", manifest(tmp_path, crd, "crd.json"))
        assert "created" in made.kubectl("create", "-f", manifest(tmp_path, obj, "object.json"))
