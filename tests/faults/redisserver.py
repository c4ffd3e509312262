"""The Redis of a server under test, spoken to directly: emptied, looked at, listened to."""

from __future__ import annotations

import contextlib
import shutil
import socket
import time
from pathlib import Path
from typing import Any

import redis

from kcpcache.settings import private_socket
from tests.servers import Server


def socket_path(server: Server) -> Path:
    """Where the embedded Redis of a server listens."""
    path = private_socket(server.data_dir)
    assert path.exists(), path
    return path


def client(path: Path) -> Any:
    """A client of database 0."""
    return redis.Redis(unix_socket_path=str(path), protocol=2, decode_responses=True, socket_timeout=5)


def keys_of(replicas: Any, cluster: str) -> str:
    """What the keys of the one replica in a logical cluster begin with, up to the brace; waits for none."""
    found = {
        key.partition("}")[0] + "}"
        for key in replicas.scan_iter(match=f"kcpcache:{{*/{cluster}/*", count=1000)
    }
    return found.pop() if len(found) == 1 else ""


def filled(replicas: Any, prefix: str) -> int:
    """How many objects lie in the generation of a replica that is being filled, or was filled last."""
    generations = [int(each) for each in replicas.smembers(f"{prefix}:generations")]
    return int(replicas.hlen(f"{prefix}:{max(generations)}:objects")) if generations else 0


def lose_files(path: Path) -> None:
    """Remove what a running server keeps on disk: when it is killed it comes back empty."""
    for kept in (path.parent / "appendonlydir", path.parent / "dump.rdb"):
        if kept.is_dir():
            shutil.rmtree(kept)
        else:
            kept.unlink(missing_ok=True)


def commands(path: Path, seconds: float) -> list[str]:
    """Every command that the server gets within some seconds, as MONITOR tells them."""
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as connection:
        connection.connect(str(path))
        connection.sendall(b"MONITOR\r\n")
        connection.settimeout(0.2)
        ends_at, heard = time.monotonic() + seconds, b""
        while time.monotonic() < ends_at:
            with contextlib.suppress(TimeoutError):
                heard += connection.recv(2**20)
    return heard.decode(errors="replace").splitlines()[1:]
