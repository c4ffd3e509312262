"""Workers come back to a broker that was away."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from celery.worker import state
from celery.worker.consumer import consumer as consumer_module
from kombu import Exchange, Queue, exceptions
from kombu.utils import functional

from kcpcache import reconnect
from kcpcache.celery import app
from tests import servers


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


def test_channel_of_a_connection_that_was_given_up_says_so(tmp_path: Path) -> None:
    with servers.redis(tmp_path / "redis.sock"):
        connection = app.connection_for_read(f"redis+socket://{tmp_path}/redis.sock?virtual_host=0")
        queue = Queue("given-up", Exchange("given-up"), "given-up", no_declare=False)
        channel = connection.channel()
        connection.Producer(channel).publish("work", routing_key="given-up", declare=[queue])
        taken = queue(channel).get()
        transport = connection.transport
        transport.client = None  # as kombu leaves it behind when not every channel could be closed
        with pytest.raises(connection.connection_errors):
            taken.ack()
        with pytest.raises(connection.connection_errors):
            taken.reject(requeue=True)
        with pytest.raises(connection.connection_errors):
            channel.qos.restore_unacked()
        transport.client = connection
        channel.connection = None  # as a channel that was closed
        with pytest.raises(connection.connection_errors):
            channel.qos.restore_visible()
        channel.connection = transport
        taken.ack()
        connection.release()


def test_celery_still_says_of_cancelled_tasks_what_is_kept_from_the_log() -> None:
    (beginning,) = reconnect.CONSEQUENCES
    assert consumer_module.TERMINATING_TASK_ON_RESTART_AFTER_A_CONNECTION_LOSS.startswith(beginning)
