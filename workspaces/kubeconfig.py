"""Kubeconfig files: one authority, one token, a context for each URL."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from kcpcache import secretfiles


def build(
    server_url: str, ca_pem: str, token: str, contexts: Mapping[str, str], *, user: str = "kcp-admin"
) -> str:
    """The YAML of a kubeconfig.

    `contexts` maps names to paths below the server URL, such as ``/clusters/root``; the first is current.
    """
    authority = base64.b64encode(ca_pem.encode()).decode()
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": name, "cluster": {"server": server_url + path, "certificate-authority-data": authority}}
            for name, path in contexts.items()
        ],
        "contexts": [{"name": name, "context": {"cluster": name, "user": user}} for name in contexts],
        "current-context": next(iter(contexts)),
        "users": [{"name": user, "user": {"token": token}}],
    }
    return yaml.safe_dump(config, sort_keys=False)


def admin(server_url: str, ca_pem: str, token: str) -> str:
    """The administrator's: ``root`` is current, ``base`` and ``shard-base`` name no workspace."""
    return build(server_url, ca_pem, token, {"root": "/clusters/root", "base": "", "shard-base": ""})


def read_token(path: Path) -> str | None:
    """The token in a kubeconfig of ours; None if there is no such file or it holds none."""
    try:
        config: Any = yaml.safe_load(path.read_text())
        token = config["users"][0]["user"]["token"]
    except (FileNotFoundError, yaml.YAMLError, LookupError, TypeError):
        return None
    return token if isinstance(token, str) else None


def write(path: Path, content: str) -> None:
    """Put a kubeconfig in place with mode 0600; a file that says the same already is left alone."""
    if not path.exists() or path.read_text() != content:
        secretfiles.replace(path, content)
