"""Announcing commits to other processes: a hint that costs the writer nothing, and hearing of theirs."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
from django.conf import settings

from kcpcache.apimachinery.storage import Collection
from replication.replica import connection, keys, logchannel
from tests.waiting import until
from workspaces.store import broadcast


class Wakes(threading.Event):
    """Stands for this process's follower."""

    wake = threading.Event.set


@pytest.fixture
def wakes(monkeypatch: pytest.MonkeyPatch) -> Iterator[Wakes]:
    """A follower with one watch, and a listener that wakes it."""
    follower = Wakes()
    monkeypatch.setattr(broadcast, "_follower", follower)
    watch = broadcast.hub().subscribe(Collection("alpha", "", "configmaps"))
    try:
        yield follower
    finally:
        broadcast.hub().unsubscribe(watch)


@pytest.fixture
def listener(cache_server: str) -> Iterator[None]:
    """A listener that has subscribed."""
    connection.forget()
    logchannel.start()
    try:
        until(lambda: heard() == 1, what="the listener")
        yield
    finally:
        logchannel.stop()
        connection.forget()


def channel() -> str:
    return keys.log_channel(settings.KCPCACHE_SHARD)


def heard() -> int:
    """How many processes listen."""
    ((_, count),) = connection.client().pubsub_numsub(channel())
    return int(count)


def test_commit_elsewhere_wakes_the_follower(wakes: Wakes, listener: None) -> None:
    connection.client().publish(channel(), "another process")
    assert wakes.wait(5)


def test_own_commits_do_not_wake_it_a_second_time(wakes: Wakes, listener: None) -> None:
    logchannel.publish()
    connection.client().publish(channel(), "another process")
    assert wakes.wait(5)
    wakes.clear()
    logchannel.publish()
    connection.client().publish(keys.log_channel("another-shard"), "another process")
    assert heard() == 1
    assert not wakes.wait(0.1)


def test_commit_elsewhere_wakes_nobody_while_nobody_watches(monkeypatch: pytest.MonkeyPatch) -> None:
    follower = Wakes()
    monkeypatch.setattr(broadcast, "_follower", follower)
    assert broadcast.hub().is_idle()
    broadcast.wake()
    assert not follower.is_set()


def test_listener_whose_connection_is_lost_listens_again(wakes: Wakes, listener: None) -> None:
    connection.client().client_kill_filter(_type="pubsub")
    until(lambda: heard() == 1, what="the listener to come back")
    connection.client().publish(channel(), "another process")
    assert wakes.wait(5)


def test_announcements_of_a_burst_are_few() -> None:
    sent: list[float] = []
    announcer = logchannel.Announcer(lambda: sent.append(time.monotonic()))
    begun = time.monotonic()
    for _ in range(1000):
        announcer.announce()
    until(lambda: sent, what="a message")
    last = time.monotonic()
    until(lambda: sent[-1] >= begun, what="the last message")
    assert 1 <= len(sent) <= 2 + (last - begun) / logchannel._SPACING_SECONDS


def test_what_is_announced_while_a_message_is_sent_is_announced_after_it() -> None:
    sending, go_on = threading.Event(), threading.Event()
    sent: list[int] = []

    def publish() -> None:
        sending.set()
        assert go_on.wait(5)
        sent.append(1)

    announcer = logchannel.Announcer(publish)
    announcer.announce()
    assert sending.wait(5)
    announcer.announce()
    go_on.set()
    until(lambda: len(sent) == 2, what="the second message")


def test_redis_that_is_away_delays_and_fails_no_writer(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, answer = threading.Event(), threading.Event()
    monkeypatch.setattr(logchannel, "_PAUSE_SECONDS", 0.01)

    def publish() -> None:
        asked.set()
        answer.wait(5)
        raise ConnectionError("nobody is there")

    announcer = logchannel.Announcer(publish)
    announcer.announce()
    assert asked.wait(5)
    announcer.announce()  # returns although the thread waits for an answer
    asked.clear()
    answer.set()
    assert asked.wait(5), "the thread ended with the error"
