"""A server goes and comes back under load: each process says so in two lines, and prints no traceback."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

from tests import servers
from tests.faults import redisserver, stage
from tests.faults.cutter import Cutter
from tests.faults.recorder import Recorder
from tests.servers import Server
from tests.waiting import until

pytestmark = pytest.mark.e2e

AWAY_SECONDS = 8.0
NAMES = {"redis": ("Redis", "the broker"), "database": ("the database",)}
# A process of a worker's pool begins with its own view of what is away, and so does one that replaces it.
MOST_LINES = {"web": 4, "worker": 16, "beat": 4}
DATABASE = "outages"


class Doors:
    """A service whose Redis and PostgreSQL stand behind doors."""

    def __init__(self, server: Server, redis: Cutter, database: Cutter, redis_pid: int) -> None:
        self.server = server
        self.redis_pid = redis_pid
        self.by_name = {"redis": redis, "database": database}


@pytest.fixture(scope="module", params=["LINE", "JSON"])
def doors(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, postgres_url: str
) -> Iterator[Doors]:
    """The service, with logs in each of the two formats."""
    directory = tmp_path_factory.mktemp("doors")
    name = f"{DATABASE}_{request.param.lower()}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        user = connection.info.user
    sockets = Path(parse_qs(urlsplit(postgres_url).query)["host"][0])
    with ExitStack() as stack:
        stack.enter_context(servers.redis(directory / "redis" / "redis.sock"))
        redis = stack.enter_context(Cutter(directory / "redis.door", directory / "redis" / "redis.sock"))
        database = stack.enter_context(Cutter(directory / ".s.PGSQL.5432", sockets / ".s.PGSQL.5432"))
        server = stack.enter_context(
            servers.running(
                directory / "data",
                KCPCACHE_REDIS_URL=f"unix://{redis.path}?db=0",
                DATABASE_URL=f"postgresql://{user}@/{name}?host={directory}",
                KCPCACHE_LOG_FORMAT=str(request.param),
            )
        )
        pid = int(redisserver.client(directory / "redis" / "redis.sock").info("server")["process_id"])
        yield Doors(server, redis, database, pid)


@pytest.mark.parametrize(
    ("name", "manner"), [("redis", "refuses"), ("redis", "hangs"), ("database", "refuses")]
)
def test_server_that_is_away_is_two_lines_in_each_process_and_no_traceback(
    doors: Doors, name: str, manner: str
) -> None:
    server, door = doors.server, doors.by_name[name]
    with Recorder(stage.endpoint(server)) as recorder:
        scene = stage.build(server, recorder)
        recorder.watch(scene.path, 3)
        recorder.watch(scene.source_path)
        begins = server.log.stat().st_size
        with scene.reader(), scene.writer(0.01):
            stage.moving(scene, 20)
            began = time.monotonic()
            _take_away(doors, door, manner)
            until(lambda: time.monotonic() - began > AWAY_SECONDS, what="the length of the outage")
            _give_back(doors, door, manner)
            until(
                lambda: _are_balanced(_said(server, begins, name)),
                timeout_seconds=30,
                what="the lines of its return",
            )
            stage.moving(scene, 20)
        stage.assert_well(scene)
    text = server.log.read_bytes()[begins:].decode(errors="replace")
    assert "Traceback" not in text, text[:6000]
    assert "raised unexpected" not in text, text[:6000]
    said = _said(server, begins, name)
    assert said["web", "away"], text
    lines = Counter(_program(line) for line in text.splitlines() if line.strip())
    assert all(lines[program] <= most for program, most in MOST_LINES.items()), text
    seconds = [float(found) for found in re.findall(r"it was away for (\d+\.\d) s", text)]
    assert max(seconds) > AWAY_SECONDS / 2
    assert max(seconds) < 4 * AWAY_SECONDS


def _take_away(doors: Doors, door: Cutter, manner: str) -> None:
    if manner == "hangs":
        os.kill(doors.redis_pid, signal.SIGSTOP)
    else:
        door.shut()


def _give_back(doors: Doors, door: Cutter, manner: str) -> None:
    if manner == "hangs":
        os.kill(doors.redis_pid, signal.SIGCONT)
    else:
        door.admit()


def _said(server: Server, begins: int, name: str) -> Counter[tuple[str, str]]:
    """How often each program said that the servers of a door are away, and back."""
    said: Counter[tuple[str, str]] = Counter()
    for line in server.log.read_bytes()[begins:].decode(errors="replace").splitlines():
        for each in NAMES[name]:
            for word in ("away", "back"):
                if f"{each} is {word}:" in line:
                    said[_program(line), word] += 1
    return said


def _are_balanced(said: Counter[tuple[str, str]]) -> bool:
    """Whether every process that missed a server has seen it again; one that has ended says nothing more."""
    programs = {program for program, _ in said}
    return "web" in programs and all(said[program, "back"] for program in programs)


def _program(line: str) -> str:
    if line.startswith("{"):
        return str(json.loads(line).get("program", "supervisor"))
    return line.partition("|")[0].strip()
