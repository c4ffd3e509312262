"""Announcing commits to other processes: a hint that costs the writer nothing, and hearing of theirs."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace

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


def test_process_that_is_alone_knows_it(listener: None) -> None:
    assert logchannel.publish() == 0
    with connection.client().pubsub(ignore_subscribe_messages=True) as another:
        another.subscribe(channel())
        until(lambda: heard() == 2, what="the other listener")
        assert logchannel.publish() == 1


def test_announcements_that_nobody_else_hears_are_rare(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(logchannel, "time", SimpleNamespace(sleep=pauses.append))
    heard = [1, 0, 2]
    announcer = logchannel.Announcer(heard.pop)
    for count in range(1, 4):
        announcer.announce()
        until(lambda count=count: len(pauses) == count, what="the message")
    assert pauses == [logchannel._SPACING_SECONDS, logchannel._ALONE_SECONDS, logchannel._SPACING_SECONDS]


def test_announcements_of_a_burst_are_few() -> None:
    sent: list[float] = []

    def publish() -> int:
        sent.append(time.monotonic())
        return 1

    announcer = logchannel.Announcer(publish)
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

    def publish() -> int:
        sending.set()
        assert go_on.wait(5)
        sent.append(1)
        return 1

    announcer = logchannel.Announcer(publish)
    announcer.announce()
    assert sending.wait(5)
    announcer.announce()
    go_on.set()
    until(lambda: len(sent) == 2, what="the second message")


def test_redis_that_is_away_delays_and_fails_no_writer(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, answer = threading.Event(), threading.Event()
    monkeypatch.setattr(logchannel, "_PAUSE_SECONDS", 0.01)

    def publish() -> int:
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
