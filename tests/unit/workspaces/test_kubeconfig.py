"""Kubeconfig files, read back by the real kubectl."""

from __future__ import annotations

import base64
import json
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.tools import kubectl
from workspaces import kubeconfig

AUTHORITY = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


def view(path: Path, version: str = kubectl.VERSIONS[-1]) -> dict[str, Any]:
    """What kubectl understands."""
    command = [str(kubectl.kubectl(version)), "--kubeconfig", str(path)]
    done = subprocess.run(
        [*command, "config", "view", "--raw", "-o", "json"], capture_output=True, check=True, text=True
    )
    config: dict[str, Any] = json.loads(done.stdout)
    return config


@pytest.mark.parametrize("version", kubectl.VERSIONS)
def test_the_administrators_file_has_three_contexts_and_root_is_current(tmp_path: Path, version: str) -> None:
    path = tmp_path / "admin.kubeconfig"
    kubeconfig.write(path, kubeconfig.admin("https://127.0.0.1:6443", AUTHORITY, "t0ken"))
    config = view(path, version)
    servers = {entry["name"]: entry["cluster"] for entry in config["clusters"]}
    contexts = {entry["name"]: servers[entry["context"]["cluster"]]["server"] for entry in config["contexts"]}
    assert contexts == {
        "root": "https://127.0.0.1:6443/clusters/root",
        "base": "https://127.0.0.1:6443",
        "shard-base": "https://127.0.0.1:6443",
    }
    assert config["current-context"] == "root"
    assert config["users"][0]["user"] == {"token": "t0ken"}
    assert base64.b64decode(servers["root"]["certificate-authority-data"]).decode() == AUTHORITY


def test_a_file_is_private_and_its_token_can_be_read_back(tmp_path: Path) -> None:
    path = tmp_path / "admin.kubeconfig"
    kubeconfig.write(path, kubeconfig.admin("https://h", AUTHORITY, "t0ken"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert kubeconfig.read_token(path) == "t0ken"


def test_a_file_that_says_the_same_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "admin.kubeconfig"
    content = kubeconfig.admin("https://h", AUTHORITY, "t0ken")
    kubeconfig.write(path, content)
    before = path.stat()
    kubeconfig.write(path, content)
    assert path.stat() == before


@pytest.mark.parametrize(
    "content", ["", "a: [", "users: []", "users: 1", "[]", "users: [{user: {token: 1}}]"]
)
def test_a_file_without_a_token_has_none(tmp_path: Path, content: str) -> None:
    path = tmp_path / "admin.kubeconfig"
    path.write_text(content)
    assert kubeconfig.read_token(path) is None


def test_a_missing_file_has_no_token(tmp_path: Path) -> None:
    assert kubeconfig.read_token(tmp_path / "admin.kubeconfig") is None
