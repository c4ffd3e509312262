"""Wakes the followers of the change log in other processes: who commits says so on a channel of Redis.

A hint and nothing more: followers poll besides, so Redis may be away. The writer's thread only sets a flag.
"""

from __future__ import annotations

import logging
import os
import threading
import time
import uuid
from collections.abc import Callable

from django.conf import settings

from kcpcache import outage
from replication.replica import connection, keys
from replication.replica.connection import Error
from workspaces.store import broadcast

logger = logging.getLogger(__name__)

_SPACING_SECONDS = 0.005  # between two messages: a burst of commits is one
_ALONE_SECONDS = (
    0.25  # while no other process listens; one that has just begun polls, so it hears soon enough
)
_PAUSE_SECONDS = 1.0  # after Redis did not answer
_WAIT_SECONDS = 0.5  # for a message, before looking whether to stop

_token = uuid.uuid4().hex  # a process need not hear of its own commits


def publish() -> int:
    """Send one message; how many other processes got it. Raises what a Redis that is away makes its client raise."""
    heard = int(connection.hasty_client().publish(keys.log_channel(settings.KCPCACHE_SHARD), _token))
    return heard - 1 if _listener is not None else heard


class Announcer:
    """Publishes from a thread of its own, which starts with the first commit."""

    def __init__(self, publish: Callable[[], int] = publish) -> None:
        self._publish = publish
        self._due = threading.Event()
        self._guard = threading.Lock()
        self._thread: threading.Thread | None = None

    def announce(self) -> None:
        """See `announce`."""
        self._due.set()
        if self._thread is None:
            with self._guard:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name="log-announcer", daemon=True)
                    self._thread.start()

    def _run(self) -> None:
        while self._due.wait():
            self._due.clear()
            time.sleep(self._try_to_publish())

    def _try_to_publish(self) -> float:
        """How long to wait for the next."""
        try:
            heard = self._publish()
        except Exception as error:  # whatever Redis does, the hint is only a hint
            logger.debug("a commit was not announced: %s", error)
            return _PAUSE_SECONDS
        return _SPACING_SECONDS if heard > 0 else _ALONE_SECONDS


class Listener(threading.Thread):
    """Wakes this process's follower by the messages of others."""

    def __init__(self) -> None:
        super().__init__(name="log-listener", daemon=True)
        self._stopping = threading.Event()

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()
        if self.is_alive():
            self.join(timeout=2 * _WAIT_SECONDS)

    def run(self) -> None:
        """Listen until stopped; a lost connection is made anew."""
        while not self._stopping.is_set():
            try:
                self._listen()
            except Error as error:
                outage.report(logger, error, "the log's channel is closed, trying again")
            except Exception:
                logger.exception("the log's channel cannot be read, trying again")
            self._stopping.wait(_PAUSE_SECONDS)

    def _listen(self) -> None:
        with connection.client().pubsub(ignore_subscribe_messages=True) as channel:
            channel.subscribe(keys.log_channel(settings.KCPCACHE_SHARD))
            while not self._stopping.is_set():
                message = channel.get_message(timeout=_WAIT_SECONDS)
                if message is not None and message["data"] != _token.encode():
                    broadcast.wake()


_announcer = Announcer()
_listener: Listener | None = None


def announce() -> None:
    """Tell the other processes that something was committed here. Returns at once."""
    _announcer.announce()


def start() -> None:
    """Begin to listen in this process."""
    global _listener
    _listener = Listener()
    _listener.start()


def stop() -> None:
    """End listening."""
    global _listener
    if _listener is not None:
        _listener.stop()
        _listener = None


def _renew() -> None:
    global _announcer, _listener, _token
    _announcer, _listener, _token = Announcer(), None, uuid.uuid4().hex


os.register_at_fork(after_in_child=_renew)  # threads do not survive a fork
