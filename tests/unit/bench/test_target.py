"""Kubeconfigs and URLs."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
import yaml

from bench import target


def kubeconfig(path: Path, **cluster: str) -> Path:
    config: dict[str, Any] = {
        "current-context": "b",
        "contexts": [
            {"name": "a", "context": {"cluster": "none", "user": "none"}},
            {"name": "b", "context": {"cluster": "c", "user": "u"}},
        ],
        "clusters": [
            {"name": "c", "cluster": {"server": "https://example.com:6443/clusters/root", **cluster}}
        ],
        "users": [{"name": "u", "user": {"token": "secret"}}],
    }
    file = path / "config"
    file.write_text(yaml.safe_dump(config))
    return file


def test_the_current_context_names_server_and_token(tmp_path: Path) -> None:
    data = base64.b64encode(b"PEM").decode()
    found = target.from_kubeconfig(kubeconfig(tmp_path, **{"certificate-authority-data": data}))
    assert found == target.Target("https://example.com:6443", "secret", "PEM")
    assert (found.host, found.port) == ("example.com", 6443)


def test_the_authority_may_be_a_file_beside_it(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_text("PEM")
    assert (
        target.from_kubeconfig(kubeconfig(tmp_path, **{"certificate-authority": "ca.crt"})).authority == "PEM"
    )


@pytest.mark.parametrize("content", ["", "a: b", "current-context: x\ncontexts: []\n", "[1", "contexts: 7"])
def test_a_file_without_a_usable_context_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "config").write_text(content)
    with pytest.raises(target.NoTarget):
        target.from_kubeconfig(tmp_path / "config")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(target.NoTarget, match="is the server up"):
        target.from_kubeconfig(tmp_path / "config")


@pytest.mark.parametrize(
    ("url", "port"), [("https://h", 443), ("http://h", 80), ("https://[::1]:7443/x", 7443)]
)
def test_a_url_has_a_port_also_where_it_is_left_out(url: str, port: int) -> None:
    assert target.Target(target.base_url(url), "").port == port


@pytest.mark.parametrize("url", ["localhost:6443", "ftp://h", "https://"])
def test_what_is_no_url_of_a_server_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="no URL"):
        target.base_url(url)
