"""Servers that are away: one line when one goes, one when it is back, and for how long it was away.

What happens because a server is away happens every second, in many places, until it is back. None of it is worth a
traceback. `Filter` stands before every handler of the log: records that say nothing but that a server is away are
noted here and not written, whoever made them: our code, Celery, kombu, Django or uvicorn. Every other error keeps
its traceback. `report` is for places that have no traceback to show in the first place.

While a server is away, one thread asks it every second by the probe that it was registered with. It is back when it
has answered and nothing has missed it for some seconds since, so late time-outs do not count as another outage.
State is each process's own.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

logger = logging.getLogger(__name__)

REDIS, BROKER, DATABASE = "Redis", "the broker", "the database"
LABELS = {REDIS: "redis", BROKER: "broker", DATABASE: "database"}  # in metrics

PROBE_SECONDS = 1.0
QUIET_SECONDS = 2.0
_BROKER_LOGGERS = ("celery.worker", "celery.beat", "celery.concurrency", "kombu")
_LONGEST_REASON = 200  # characters


class Figures(NamedTuple):
    """What is known of one server: whether it is there, and the seconds that it was away in all so far."""

    is_up: bool
    away_seconds: float


@dataclass
class _Server:
    is_away: Callable[[BaseException], bool]
    probe: Callable[[], object]
    consequences: tuple[str, ...] = ()
    lost_at: float | None = None  # by the monotonic clock, like the others
    answered_at: float | None = None
    away_seconds: float = 0.0  # of outages that are over


_servers: dict[str, _Server] = {}
_lock = threading.RLock()
_thread: threading.Thread | None = None


def register(
    name: str,
    is_away: Callable[[BaseException], bool],
    probe: Callable[[], object],
    consequences: tuple[str, ...] = (),
) -> None:
    """Make a server known: which errors say that it is away, and what raises an error while it does not answer.

    `consequences` begin log messages, before their arguments are put in, that only tell what follows from an outage.
    """
    with _lock:
        _servers.setdefault(name, _Server(is_away, probe, consequences))


def report(log: logging.Logger, error: BaseException, message: str, *arguments: object) -> None:
    """Log a warning and the error in one line, unless the error only says that a server is away: that is noted."""
    if not noted(error):
        log.warning("%s: %s: %s", message % arguments, type(error).__name__, error)


def noted(error: BaseException, asked: str = "") -> bool:
    """Whether an error says that a server is away, which is then noted; `asked` is the server, where that is known."""
    name = _server_of(error, asked, follows_context=False)
    if name:
        _lose(name, error)
    return bool(name)


def figures() -> dict[str, Figures]:
    """Each known server, by the label that metrics give it."""
    now = time.monotonic()
    with _lock:
        return {
            LABELS[name]: Figures(
                server.lost_at is None,
                server.away_seconds + (now - server.lost_at if server.lost_at is not None else 0.0),
            )
            for name, server in _servers.items()
        }


class Filter(logging.Filter):
    """Keeps from a handler what only says that a server is away."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is to be written."""
        is_of_broker = record.name.startswith(_BROKER_LOGGERS)
        asked = BROKER if is_of_broker else ""
        if is_of_broker and _is_consequence(str(record.msg)):
            return False
        for error in _errors(record, with_arguments=is_of_broker):
            # Celery's beat wraps what its client raised without saying `from`.
            name = _server_of(error, asked, follows_context=record.name.startswith("celery.beat"))
            if name:
                _lose(name, error)
                return False
        return True


def _is_consequence(message: str) -> bool:
    return any(message.startswith(server.consequences) for server in _servers.values() if server.consequences)


def _errors(record: logging.LogRecord, *, with_arguments: bool) -> Iterator[BaseException]:
    if isinstance(record.exc_info, tuple) and record.exc_info[1] is not None:
        yield record.exc_info[1]
    elif with_arguments and isinstance(record.args, tuple):
        yield from (each for each in record.args if isinstance(each, BaseException))


def _server_of(error: BaseException, asked: str, *, follows_context: bool) -> str:
    """The server that an error, or what it was raised from, says to be away; empty when it says something else."""
    each: BaseException | None = error
    while each is not None:
        if asked in _servers and isinstance(each, (ConnectionError, TimeoutError)):
            return asked
        for name, server in _servers.items():
            if server.is_away(each):
                # The broker is spoken to by the client of Redis, whose errors do not tell one from the other.
                return asked if name == REDIS and asked in _servers else name
        each = each.__cause__ or (each.__context__ if follows_context else None)
    return ""


def _lose(name: str, error: BaseException) -> None:
    global _thread
    with _lock:
        server = _servers.get(name)
        if server is None:
            return
        server.answered_at = None
        if server.lost_at is not None:
            return
        server.lost_at = time.monotonic()
        if _thread is None:
            _thread = threading.Thread(target=_watch, name="outage", daemon=True)
            _thread.start()
    reason = " ".join(str(error).split())[:_LONGEST_REASON]
    logger.warning("%s is away: %s: %s", name, type(error).__name__, reason)


def _watch() -> None:
    """Ask the servers that are away until none is."""
    global _thread
    while True:
        time.sleep(PROBE_SECONDS)
        with _lock:
            away = {name: server for name, server in _servers.items() if server.lost_at is not None}
            if not away:
                _thread = None
                return
        for name, server in away.items():
            _ask(name, server)


def _ask(name: str, server: _Server) -> None:
    try:
        server.probe()
    except Exception:  # whatever it is, the server does not serve us yet
        with _lock:
            server.answered_at = None
        return
    with _lock:
        if server.lost_at is None:
            return
        if server.answered_at is None:
            server.answered_at = time.monotonic()
        if time.monotonic() - server.answered_at < QUIET_SECONDS:
            return
        seconds = max(0.0, server.answered_at - server.lost_at)
        server.away_seconds += seconds
        server.lost_at = server.answered_at = None
    logger.warning("%s is back: it was away for %.1f s", name, seconds)


def _renew() -> None:
    global _lock, _thread
    _lock, _thread = threading.RLock(), None
    for server in _servers.values():
        server.lost_at = server.answered_at = None
        server.away_seconds = 0.0


os.register_at_fork(after_in_child=_renew)  # threads and held locks of the parent do not survive a fork
