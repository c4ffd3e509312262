"""Which server is measured, and how to be let in: a kubeconfig, or a URL with token and authority."""

from __future__ import annotations

import base64
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml


class NoTarget(Exception):
    """The server or the credentials for it cannot be told from what was given."""


@dataclass(frozen=True, slots=True)
class Target:
    """A server and one bearer token for it; `authority` is PEM, empty for the system's authorities."""

    url: str  # scheme, host and port
    token: str
    authority: str = ""

    @property
    def host(self) -> str:
        """The host name or address."""
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        """The port, also where the URL leaves it out."""
        parts = urlsplit(self.url)
        return parts.port or (443 if parts.scheme == "https" else 80)

    def tls(self) -> ssl.SSLContext | None:
        """A context that checks the server's certificate; None for plain HTTP."""
        if urlsplit(self.url).scheme != "https":
            return None
        return ssl.create_default_context(cadata=self.authority or None)


def from_kubeconfig(path: Path) -> Target:
    """The server of the current context, without the workspace in its URL; NoTarget."""
    try:
        config: Any = yaml.safe_load(path.read_text())
        context = _named(config["contexts"], config["current-context"])["context"]
        cluster = _named(config["clusters"], context["cluster"])["cluster"]
        user = _named(config["users"], context["user"])["user"]
        return Target(base_url(cluster["server"]), user["token"], _authority(cluster, path.parent))
    except OSError as error:
        raise NoTarget(f"The kubeconfig {path} cannot be read: {error.strerror}; is the server up?") from None
    except (yaml.YAMLError, LookupError, TypeError, ValueError):
        raise NoTarget(f"The kubeconfig {path} has no current context with a server and a token.") from None


def base_url(url: str) -> str:
    """Scheme, host and port of a URL; ValueError when it has none."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{url!r} is no URL of a server")
    return f"{parts.scheme}://{parts.netloc}"


def _named(entries: list[dict[str, Any]], name: str) -> dict[str, Any]:
    by_name = {entry["name"]: entry for entry in entries}
    return by_name[name]


def _authority(cluster: dict[str, Any], directory: Path) -> str:
    if data := cluster.get("certificate-authority-data"):
        return base64.b64decode(str(data)).decode()
    if file := cluster.get("certificate-authority"):
        return (directory / str(file)).read_text()
    return ""
