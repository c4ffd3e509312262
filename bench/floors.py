"""The floors: what the same bytes cost by the barest means, measured in the same run."""

from __future__ import annotations

import contextlib
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import redis

from bench import closedloop, connection, figures, instance
from bench.closedloop import Samples
from bench.instance import PROJECT, NotReady
from bench.results import Floor
from bench.target import Target
from supervisor import embedded, readiness

FLOOR_SECONDS = 2.0
START_SECONDS = 30.0
PIPELINED = 500  # objects in one pipeline, and in one transaction of a bulk insert


@contextlib.contextmanager
def hello() -> Iterator[Target]:
    """A bare ASGI application behind the same web server, settings and TLS as kcpcache's (`bench.hello`)."""
    with instance.directory() as directory:
        port = instance.free_port()
        process = subprocess.Popen(
            [sys.executable, "-m", "bench.hello"],
            cwd=PROJECT,
            env={
                **instance.environment(directory, port),
                "DJANGO_SETTINGS_MODULE": "bench.hellosettings",
                "MALLOC_ARENA_MAX": "2",
            },
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            authority = directory / "pki" / "ca.crt"
            deadline = time.monotonic() + START_SECONDS
            while not (authority.exists() and readiness.ready("127.0.0.1", port, authority)):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise NotReady("The floor's server did not start.")
                time.sleep(0.02)
            yield Target(f"https://127.0.0.1:{port}", "none", authority.read_text())
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()


def answers(size_bytes: int, clients: int, *, processes: int = 1) -> tuple[Floor, Samples]:
    """Requests answered with so many bytes, as often as the same client can ask."""
    with hello() as target:
        request = connection.encode(target, "GET", f"/bytes/{size_bytes}")
        samples = closedloop.run(closedloop.Job(target, [request], clients, FLOOR_SECONDS), processes)
    found = figures.of(samples.latencies, samples.wall_seconds)
    what = f"bare ASGI answer of {size_bytes:,} bytes, same web server, TLS and {clients} clients"
    return Floor(what, found.p50_seconds, found.rate), samples


@contextlib.contextmanager
def empty_redis() -> Iterator[redis.Redis]:
    """An embedded Redis of its own, as the supervisor starts it."""
    with instance.directory() as directory:
        socket_path = directory / "redis.sock"
        command = embedded.command(socket_path, directory)
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                deadline = time.monotonic() + START_SECONDS
                while not embedded.answers(socket_path):
                    if time.monotonic() > deadline:
                        raise NotReady("The floor's Redis did not start.")
                    time.sleep(0.01)
                with contextlib.closing(redis.Redis(unix_socket_path=str(socket_path), protocol=2)) as client:
                    yield client
            finally:
                process.kill()


def redis_write(objects: int, size_bytes: int) -> Floor:
    """So many objects of so many bytes into a hash and an index, pipelined."""
    with empty_redis() as client:
        seconds = _fill(client, objects, size_bytes)
    return Floor(
        f"pipelined HSET and ZADD of {objects:,} objects of {size_bytes:,} bytes", seconds, objects / seconds
    )


def redis_delete(objects: int, size_bytes: int) -> Floor:
    """So many objects away again, by one UNLINK."""
    with empty_redis() as client:
        _fill(client, objects, size_bytes)
        started = time.perf_counter()
        client.unlink("objects", "index")
        seconds = time.perf_counter() - started
    return Floor(f"UNLINK of {objects:,} objects of {size_bytes:,} bytes", seconds, objects / seconds)


def _fill(client: redis.Redis, objects: int, size_bytes: int) -> float:
    body = b"x" * size_bytes
    started = time.perf_counter()
    for first in range(0, objects, PIPELINED):
        names = [f"flavour-{number:06d}" for number in range(first, min(first + PIPELINED, objects))]
        with client.pipeline(transaction=False) as pipeline:
            pipeline.hset("objects", mapping=dict.fromkeys(names, body))
            pipeline.zadd("index", dict.fromkeys(names, 0))
            pipeline.execute()
    return time.perf_counter() - started


_TABLES = """
PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;
CREATE TABLE counter (id INTEGER PRIMARY KEY, value INTEGER);
INSERT INTO counter VALUES (1, 1);
CREATE TABLE object (id INTEGER PRIMARY KEY, name TEXT UNIQUE, revision INTEGER, body BLOB);
CREATE TABLE change (revision INTEGER PRIMARY KEY, name TEXT, kind TEXT, body BLOB);
"""


def sql_inserts(size_bytes: int, directory: Path, *, each: int = 1, seconds: float = FLOOR_SECONDS) -> Floor:
    """Transactions of counter, object and change row on SQLite, flushed at every commit, by one writer.

    Args:
        size_bytes: of a body, which is written twice.
        directory: on the disk that is meant; the file is removed.
        each: objects in one transaction.
        seconds: how long to measure.
    """
    path = directory / "floor.sqlite3"
    body, times, number = b"x" * size_bytes, [], 0
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.executescript(_TABLES)
        started = time.perf_counter()
        while (began := time.perf_counter()) - started < seconds:
            rows = [(f"flavour-{number + more:06d}", number + more + 2, body) for more in range(each)]
            number += each
            database.execute("BEGIN IMMEDIATE")
            database.execute("UPDATE counter SET value = value + ? WHERE id = 1", (each,))
            database.executemany("INSERT INTO object (name, revision, body) VALUES (?, ?, ?)", rows)
            database.executemany(
                "INSERT INTO change (name, revision, kind, body) VALUES (?1, ?2, 'A', ?3)", rows
            )
            database.execute("COMMIT")
            times.append(time.perf_counter() - began)
        wall_seconds = time.perf_counter() - started
    for file in directory.glob("floor.sqlite3*"):
        file.unlink()
    found = figures.of(times, wall_seconds, each=each)
    what = (
        f"plain SQL: counter, object and change row of {size_bytes:,} bytes, flushed, {each} in a transaction"
    )
    return Floor(what, found.p50_seconds, found.rate)
