from __future__ import annotations

import time

import celery
import pytest

from tests.waiting import until
from workspaces import hints

TASK = "tests.hint"  # of no app, so that nothing else sends it
QUEUE = "default"
HINT = hints.Hint(TASK, ())


@pytest.fixture
def publisher() -> hints.Publisher:
    return hints.Publisher()


@pytest.fixture
def empty_queue(redis_server: str) -> None:
    """The queue without what earlier tests left in it."""
    with celery.current_app.connection_for_write() as connection:
        connection.default_channel.queue_declare(QUEUE)
        connection.default_channel.queue_purge(QUEUE)


def waiting_messages() -> int:
    with celery.current_app.connection_for_read() as connection:
        return int(connection.default_channel.queue_declare(QUEUE, passive=True).message_count)


def test_hint_without_a_broker_neither_fails_nor_delays(publisher: hints.Publisher) -> None:
    started = time.monotonic()
    for index in range(1000):
        publisher.publish(str(index), HINT)
    assert time.monotonic() - started < 0.5
    publisher.flush(30)  # what is pending is given up before a later test has a broker


def test_burst_of_hints_is_few_messages(publisher: hints.Publisher, empty_queue: None) -> None:
    for _ in range(1000):
        publisher.publish(TASK, HINT)
    publisher.flush(5)
    assert 1 <= waiting_messages() <= 100  # one for each 20 ms that the burst took


def test_hints_go_out_again_when_the_broker_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hints, "_PAUSE_SECONDS", 0.01)
    sent: list[str] = []
    is_away = True

    def send(hint: hints.Hint) -> None:
        if is_away:
            raise ConnectionError("away")
        sent.append(hint.task)

    publisher = hints.Publisher(send)
    publisher.publish(TASK, HINT)
    publisher.flush(5)
    assert sent == []
    is_away = False
    publisher.publish(TASK, HINT)
    publisher.flush(5)
    assert sent == [TASK]


def test_hints_of_different_keys_are_messages_of_their_own(
    publisher: hints.Publisher, empty_queue: None
) -> None:
    for index in range(3):
        publisher.publish(str(index), HINT)
    publisher.flush(5)
    assert waiting_messages() == 3


def test_hint_for_later_is_sent_then_and_no_other_waits_for_it() -> None:
    sent: list[tuple[str, float]] = []
    publisher = hints.Publisher(lambda hint: sent.append((hint.task, time.monotonic())))
    began = time.monotonic()
    publisher.publish("later", hints.Hint("later", ()), delay_seconds=0.3)
    publisher.publish("later", hints.Hint("later", ()), delay_seconds=60.0)
    publisher.publish("now", hints.Hint("now", ()))
    until(lambda: len(sent) == 2, what="both hints")
    (first, _), (second, at) = sent
    assert (first, second) == ("now", "later")
    assert at - began >= 0.3


def test_hint_for_later_is_not_lost_when_the_process_ends() -> None:
    sent: list[str] = []
    publisher = hints.Publisher(lambda hint: sent.append(hint.task))
    publisher.publish("later", hints.Hint("later", ()), delay_seconds=60.0)
    publisher.flush(5)
    assert sent == ["later"]
