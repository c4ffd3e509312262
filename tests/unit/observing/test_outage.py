"""A server that is away is told once, and once when it is back; every other error keeps its traceback."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Iterator

import django.db
import kombu.exceptions
import psycopg
import pytest
import redis

from kcpcache import logs, outage, requestid
from kcpcache.outage import BROKER, DATABASE, REDIS
from replication.replica import connection
from tests.waiting import until
from workspaces.store import reachability


class Server:
    """One that can be taken away."""

    def __init__(self) -> None:
        self.is_there = False

    def probe(self) -> None:
        """Raises while it is away."""
        if not self.is_there:
            raise ConnectionRefusedError


@pytest.fixture
def server() -> Server:
    """One that is away."""
    return Server()


@pytest.fixture
def written(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What a handler of the log writes, while all servers are `server`."""
    monkeypatch.setattr(outage, "PROBE_SECONDS", 0.02)
    monkeypatch.setattr(outage, "QUIET_SECONDS", 0.1)
    monkeypatch.setattr(outage, "_servers", {})
    outage.register(REDIS, connection.is_away, server.probe)
    outage.register(DATABASE, reachability.is_away, server.probe)
    outage.register(
        BROKER,
        lambda error: isinstance(error, kombu.exceptions.OperationalError),
        server.probe,
        ("Task %s cannot",),
    )
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.LineFormatter())
    handler.addFilter(outage.Filter())
    handler.addFilter(requestid.Filter())
    logging.getLogger().addHandler(handler)
    yield stream
    server.is_there = True
    until(lambda: all(known.is_up for known in outage.figures().values()), what="the end of the outage")
    logging.getLogger().removeHandler(handler)


def raised(error: BaseException, cause: BaseException | None = None) -> BaseException:
    """An error with a traceback."""
    try:
        raise error from cause
    except BaseException as caught:
        return caught


class AdminShutdown(psycopg.OperationalError):
    """The server ends all sessions."""

    sqlstate = "57P01"


class LockNotAvailable(psycopg.OperationalError):
    """Somebody else holds a lock for too long."""

    sqlstate = "55P03"


AWAY = [
    ("replication.replica.sync", redis.ConnectionError("refused"), None, REDIS),
    ("celery.app.trace", redis.TimeoutError("late"), None, REDIS),
    ("kcpcache.apiserver.lifelines", django.db.OperationalError("gone"), psycopg.OperationalError("gone"), DATABASE),
    ("django.request", django.db.OperationalError("ended"), AdminShutdown("ended"), DATABASE),
    ("celery.worker.request", redis.ConnectionError("refused"), None, BROKER),
    ("celery.beat", kombu.exceptions.OperationalError("refused"), ConnectionRefusedError(), BROKER),
    ("kombu.transport.redis", ConnectionResetError(), None, BROKER),
    ("celery.worker.request", django.db.OperationalError("gone"), psycopg.OperationalError("gone"), DATABASE),
]  # fmt: skip


@pytest.mark.parametrize(("name", "error", "cause", "server_name"), AWAY)
def test_errors_of_a_server_that_is_away_are_one_line_and_one_when_it_is_back(
    written: io.StringIO,
    server: Server,
    name: str,
    error: BaseException,
    cause: BaseException | None,
    server_name: str,
) -> None:
    found = raised(error, cause)
    for _ in range(20):
        logging.getLogger(name).error("it failed", exc_info=found)
    (line,) = written.getvalue().splitlines()
    assert f"{server_name} is away: {type(error).__name__}" in line
    assert not outage.figures()[outage.LABELS[server_name]].is_up
    server.is_there = True
    until(lambda: "is back" in written.getvalue(), what="the line of its return")
    _, line = written.getvalue().splitlines()
    assert re.search(rf"{server_name} is back: it was away for \d+\.\d s$", line)
    figures = outage.figures()[outage.LABELS[server_name]]
    assert figures.is_up
    assert figures.away_seconds > 0


UNEXPECTED = [
    ("celery.app.trace", ValueError("a defect"), None),
    ("celery.worker.consumer", AttributeError("a defect"), None),
    ("celery.app.trace", django.db.OperationalError("lock"), LockNotAvailable("lock")),
    ("celery.app.trace", django.db.OperationalError("database is locked"), None),
    ("replication", redis.ResponseError("OOM"), None),
    ("replication", redis.AuthenticationError("wrong password"), None),
    ("replication", ConnectionResetError("of a client of ours"), None),
]


@pytest.mark.parametrize(("name", "error", "cause"), UNEXPECTED)
def test_any_other_error_keeps_its_traceback(
    written: io.StringIO, name: str, error: BaseException, cause: BaseException | None
) -> None:
    logging.getLogger(name).error("it failed", exc_info=raised(error, cause))
    assert "Traceback" in written.getvalue()
    assert "is away" not in written.getvalue()


def test_defect_in_the_handling_of_an_outage_keeps_its_traceback(written: io.StringIO) -> None:
    try:
        try:
            raise redis.ConnectionError("refused")
        except redis.ConnectionError:
            raise KeyError("a defect")  # noqa: B904 - that is the case
    except KeyError:
        logging.getLogger("replication").exception("it failed")
    assert "Traceback" in written.getvalue()


def test_what_celery_says_beside_an_outage_is_not_written(written: io.StringIO) -> None:
    logger = logging.getLogger("celery.worker.consumer.consumer")
    logger.warning("consumer: Connection to broker lost (%r)", redis.ConnectionError("refused"))
    logger.warning("Task %s cannot be acknowledged", "some")
    logger.warning("something else")
    assert [line.partition("] ")[2].split(":")[0] for line in written.getvalue().splitlines()] == [
        "the broker is away",
        "something else",
    ]


def test_errors_that_come_late_belong_to_the_outage(written: io.StringIO, server: Server) -> None:
    outage.noted(redis.TimeoutError("late"))
    server.is_there = True
    for _ in range(20):
        outage.noted(redis.TimeoutError("late"))
    until(lambda: "is back" in written.getvalue(), what="the line of its return")
    assert written.getvalue().count("is away") == 1


def test_error_of_a_server_that_is_not_known_is_written(
    written: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outage, "_servers", {})
    logging.getLogger("kombu").error("it failed", exc_info=raised(ConnectionResetError()))
    assert "Traceback" in written.getvalue()


def test_report_is_a_line_for_what_is_not_an_outage(written: io.StringIO) -> None:
    log = logging.getLogger("replication")
    outage.report(log, redis.ResponseError("OOM"), "replica %s waits", "abc")
    outage.report(log, redis.ConnectionError("refused"), "replica %s waits", "abc")
    first, second = written.getvalue().splitlines()
    assert first.endswith("replica abc waits: ResponseError: OOM")
    assert "Redis is away" in second
