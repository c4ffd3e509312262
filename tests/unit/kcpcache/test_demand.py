"""Messages that ask for whatever is due: few wait while no worker comes, and none is lost for good."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from celery import beat, signals
from kombu import Connection

from kcpcache import demand, heartbeat, pulse
from kcpcache.celery import app
from workspaces import hints, receivers

SWEEP = "replication.tasks.sweep"


@pytest.fixture
def broker(redis_server: str) -> Iterator[Connection]:
    """The broker, without what earlier tests left in it."""
    with app.connection_for_write() as connection:
        connection.default_channel.client.flushdb()
        yield connection


def messages(broker: Connection, queue: str) -> list[dict[str, Any]]:
    return [json.loads(each) for each in broker.default_channel.client.lrange(queue, 0, -1)]


def begin(task_name: str, *args: object) -> None:
    """What a worker's process tells when it begins a task."""
    app.loader.import_default_modules()
    task = app.tasks[task_name]
    signals.task_prerun.send(sender=task, task=task, args=args)


def test_messages_of_a_sweep_do_not_pile_up_while_no_worker_runs(broker: Connection) -> None:
    scheduler = pulse.Scheduler(app=app, lazy=True)
    entry = beat.ScheduleEntry(name=SWEEP, task=SWEEP, schedule=3.0, app=app)
    for _ in range(1200):  # those of an hour
        scheduler.apply_entry(entry)
    assert len(messages(broker, "replication")) == 8 + 7  # and the 16th, 32nd … 1024th


def test_every_sweep_is_sent_while_workers_begin_them(broker: Connection) -> None:
    scheduler = pulse.Scheduler(app=app, lazy=True)
    entry = beat.ScheduleEntry(name=SWEEP, task=SWEEP, schedule=3.0, app=app)
    for _ in range(50):
        scheduler.apply_entry(entry)
        begin(SWEEP)
    assert len(messages(broker, "replication")) == 50


def test_sweep_that_is_not_sent_is_a_heartbeat(broker: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    beats: list[int] = []
    monkeypatch.setattr(heartbeat, "beat", lambda: beats.append(1))
    scheduler = pulse.Scheduler(app=app, lazy=True)
    entry = beat.ScheduleEntry(name=SWEEP, task=SWEEP, schedule=3.0, app=app)
    for _ in range(20):
        scheduler.apply_entry(entry)
    assert len(beats) == 20


@pytest.mark.parametrize("name", sorted(app.conf.beat_schedule))
def test_no_message_of_the_schedule_expires_by_a_clock(broker: Connection, name: str) -> None:
    pulse.Scheduler(app=app, lazy=True).apply_entry(
        beat.ScheduleEntry(**app.conf.beat_schedule[name], app=app)
    )
    (message,) = messages(broker, name.partition(".")[0].replace("workspaces", "controllers"))
    assert message["headers"]["expires"] is None


def test_hints_neither_expire_nor_pile_up(broker: Connection) -> None:
    for _ in range(1000):
        hints.send(hints.Hint(receivers.RECONCILE_TASK, (), merges=True))
    waiting = messages(broker, "controllers")
    assert len(waiting) == 8 + 6
    assert {message["headers"]["expires"] for message in waiting} == {None}
    begin(receivers.RECONCILE_TASK)
    hints.send(hints.Hint(receivers.RECONCILE_TASK, (), merges=True))
    assert len(messages(broker, "controllers")) == 8 + 6 + 1


def test_hint_that_does_not_merge_is_always_sent(broker: Connection) -> None:
    for _ in range(20):
        hints.send(hints.Hint(receivers.RECONCILE_TASK, ()))
    assert len(messages(broker, "controllers")) == 20


def test_task_with_arguments_takes_nothing_back(broker: Connection) -> None:
    for _ in range(8):
        assert demand.ask(broker.default_channel, SWEEP)
    begin(SWEEP, "uid")
    assert not demand.ask(broker.default_channel, SWEEP)
    begin(SWEEP)
    assert demand.ask(broker.default_channel, SWEEP)


def test_task_begins_without_a_broker(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def away() -> None:
        raise ConnectionError("away")

    monkeypatch.setattr(app, "producer_or_acquire", away)
    begin(SWEEP)
    assert not [record for record in caplog.records if record.levelname in ("WARNING", "ERROR")]


def test_count_ends_by_the_clock_of_the_broker(broker: Connection) -> None:
    demand.ask(broker.default_channel, SWEEP)
    (key,) = broker.default_channel.client.keys("kcpcache.asked:*")
    for _ in range(3):
        demand.ask(broker.default_channel, SWEEP)
        assert 0 < broker.default_channel.client.ttl(key) <= 3600
