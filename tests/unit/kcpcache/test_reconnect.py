"""Workers come back to a broker that was away."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from celery.worker import state
from kombu import exceptions
from kombu.utils import functional

from kcpcache import reconnect
from kcpcache.celery import app


def consumer(*, can_consume: bool) -> Any:
    """A worker's consumer, as far as it is looked at."""
    qos = SimpleNamespace(can_consume=lambda: can_consume)
    return SimpleNamespace(task_consumer=SimpleNamespace(channel=SimpleNamespace(qos=qos)))


class Request:
    """A message that a worker has taken."""


def test_worker_that_works_on_nothing_and_may_take_nothing_connects_anew() -> None:
    with pytest.raises(ConnectionError):
        reconnect.check(consumer(can_consume=False))


def test_worker_that_waits_for_messages_keeps_its_connection() -> None:
    reconnect.check(consumer(can_consume=True))
    reconnect.check(SimpleNamespace(task_consumer=None))


def test_worker_that_is_busy_keeps_its_connection() -> None:
    request = Request()
    state.reserved_requests.add(request)
    try:
        reconnect.check(consumer(can_consume=False))
    finally:
        state.reserved_requests.discard(request)


def test_pauses_between_attempts_stay_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(functional, "sleep", lambda _: None)
    pauses: list[float] = []
    connection = app.connection_for_read(f"redis+socket://{tmp_path}/nobody.sock?virtual_host=0")
    with pytest.raises(exceptions.OperationalError):
        connection.ensure_connection(lambda _, pause: pauses.append(pause), 8)
    assert len(pauses) >= 6
    assert 0 < max(pauses) <= reconnect.LONGEST_PAUSE_SECONDS
