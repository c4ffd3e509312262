"""The mirrors of a process: which there are, and how they are kept current.

Two threads: one is woken by every batch that a worker applied (and polls besides), one looks at Redis before
requests are answered from memory, once for all requests of the moment.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from django.conf import settings
from django.db import DatabaseError, connections

from kcpcache import outage
from replication import rows
from replication.replica import connection, fanout, follower, keys, wake
from replication.replica.connection import Client, Error
from replication.replica.events import Events
from replication.replica.keys import Family
from replication.replica.mirror import Mirror
from replication.replica.wildcards import Wildcards

logger = logging.getLogger(__name__)

_POLL_SECONDS = 0.5
_IDLE_SECONDS = 30.0  # a mirror that nobody read or watches for this long is not looked at before requests
_DEAF_SECONDS = 2.0  # after Redis did not answer, requests do not ask it for this long; the listener does


class Mirrors:
    """Mirrors by the uid of their CachedResource, the least used given up when they take too much memory."""

    def __init__(self) -> None:
        self.post: fanout.Post = fanout.at_once
        self.wildcards = Wildcards()
        self.events = Events()
        self._guard = threading.Lock()
        self._by_uid: dict[str, Mirror] = {}
        self._asker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="replica-refresh")
        self._listener: Listener | None = None
        self._deaf_until = 0.0
        self._round: asyncio.Task[None] | None = None
        self._next_round: asyncio.Task[None] | None = None

    def of(self, family: Family) -> Mirror:
        """The mirror of a replica, empty at first."""
        mirror = self._by_uid.get(family.uid)
        if mirror is None:
            with self._guard:
                mirror = self._by_uid.setdefault(family.uid, Mirror(family, self._post))
        mirror.used_at = time.monotonic()
        return mirror

    def _post(self, deliver: Callable[[], None]) -> None:
        self.post(deliver)

    def holds(self, mirror: Mirror) -> bool:
        """Whether a mirror is (still) kept current."""
        return self._by_uid.get(mirror.family.uid) is mirror

    def bring_forward(self, mirror: Mirror) -> None:
        """Make a mirror current, and have it kept so; blocks. Where Redis is away it stays as it is."""
        if time.monotonic() < self._deaf_until:
            return
        try:
            self._catch_up(connection.hasty_client(), mirror)
            mirror.is_followed = True
        except Error as error:
            self._did_not_answer(error)
        self.make_room(mirror)

    def _catch_up(self, client: Client, mirror: Mirror) -> None:
        if follower.catch_up(client, mirror) and mirror.serves:
            return
        if not mirror.is_lost or _may_exist(mirror):
            wake.want(mirror.family, mirror.floor)
        else:
            self.forget(mirror.family.uid)

    async def refresh(self) -> None:
        """Make all mirrors in use current as of now; requests that come while Redis is asked share the next answer."""
        if self._round is None or self._round.done():
            self._round = asyncio.ensure_future(self._ask())
            await asyncio.shield(self._round)
            return
        if self._next_round is None or self._next_round.done():
            self._next_round = asyncio.ensure_future(self._ask_after(self._round))
        await asyncio.shield(self._next_round)

    async def _ask_after(self, running: asyncio.Task[None]) -> None:
        await asyncio.wait([running])
        self._round, self._next_round = self._next_round, None
        await self._ask()

    async def _ask(self) -> None:
        if self._followed():
            await asyncio.get_running_loop().run_in_executor(self._asker, self.look)

    def look(self, *, is_patient: bool = False) -> None:
        """One look at Redis for all mirrors in use.

        Where it did not answer a moment ago only a caller who has time looks: as long as it finds nobody there,
        requests need not wait to learn the same.
        """
        now = time.monotonic()
        mirrors = self._followed()
        for mirror in mirrors:
            mirror.is_followed = now - mirror.used_at <= _IDLE_SECONDS or not mirror.fanout.is_idle()
        if not mirrors or (now < self._deaf_until and not is_patient):
            return
        try:
            client = connection.hasty_client()
            behind = follower.poll(client, mirrors)
            self._deaf_until = 0.0
            for mirror in behind:
                self._catch_up(client, mirror)
        except Error as error:
            self._did_not_answer(error)

    def forget(self, uid: str) -> None:
        """Drop a mirror whose replica is gone; its watches end."""
        with self._guard:
            mirror = self._by_uid.pop(uid, None)
        if mirror is not None:
            mirror.lose()
            mirror.fanout.close_all("gone")

    def catch_up_one(self, uid: str, cursor: int) -> None:
        """A worker has brought a replica to a cursor; catch up if anybody here has use for it."""
        mirror = self._by_uid.get(uid)
        if mirror is not None and mirror.epoch and mirror.revision < cursor:
            self._catch_up(connection.client(), mirror)

    def check_consumers(self) -> None:
        """End the wildcard watches whose consumers are others now."""
        try:
            ended = self.wildcards.check()
        except DatabaseError:
            connections.close_all()
            return
        for mailbox in ended:
            self.post(partial(mailbox.close, "expired"))

    def all(self) -> list[Mirror]:
        """Every mirror of this process."""
        return list(self._by_uid.values())

    def start(self, post: fanout.Post) -> None:
        """Begin to follow; mailboxes are filled by `post`, which runs a function on the event loop."""
        self.post = post
        self._listener = Listener(self)
        self._listener.start()

    def stop(self) -> None:
        """End all watches and threads of this process."""
        if self._listener is not None:
            self._listener.stop()
            self._listener = None
        for mirror in self.all():
            mirror.fanout.close_all("shutdown")
        self._asker.shutdown(wait=False, cancel_futures=True)

    def _followed(self) -> list[Mirror]:
        """Those in use; a watch that was opened while Redis was away makes its mirror one of them."""
        return [mirror for mirror in self.all() if mirror.is_followed or not mirror.fanout.is_idle()]

    def _did_not_answer(self, error: Error) -> None:
        self._deaf_until = time.monotonic() + _DEAF_SECONDS
        outage.report(logger, error, "Redis does not answer, reads go on as of the last look")

    def make_room(self, kept: Mirror | None = None) -> None:
        """Give up the least used mirrors that nobody watches while all together take too much memory."""
        most = getattr(settings, "KCPCACHE_MIRROR_BYTES", 1024**3)
        mirrors = self.all()
        excess_bytes = sum(mirror.size_bytes for mirror in mirrors) + self.events.size_bytes - most
        if excess_bytes <= 0:
            return
        for mirror in sorted(mirrors, key=lambda mirror: mirror.used_at):
            if excess_bytes > 0 and mirror is not kept and mirror.fanout.is_idle():
                excess_bytes -= mirror.size_bytes
                self._give_up(mirror)

    def _give_up(self, mirror: Mirror) -> None:
        with self._guard:
            self._by_uid.pop(mirror.family.uid, None)
        mirror.is_followed = False
        mirror.fanout.close_all("expired")  # a watch that was opened meanwhile: nobody would feed it


def _may_exist(mirror: Mirror) -> bool:
    """Whether the database still wants this replica; while it does not answer, yes."""
    try:
        return rows.may_exist(mirror.family.uid)
    except DatabaseError:
        connections.close_all()
        return True


class Listener(threading.Thread):
    """Hears of every batch that was applied, and looks at Redis twice a second besides."""

    def __init__(self, mirrors: Mirrors) -> None:
        super().__init__(name="replica-listener", daemon=True)
        self._mirrors = mirrors
        self._stopping = threading.Event()

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()
        if self.is_alive():
            self.join(timeout=3)

    def run(self) -> None:
        """Listen until stopped; a lost connection is made anew."""
        while not self._stopping.is_set():
            try:
                self._listen()
            except Error as error:
                outage.report(logger, error, "the replicas' channel is closed, trying again")
            except Exception:
                logger.exception("a batch cannot be followed, trying again")
            self._stopping.wait(_POLL_SECONDS)
        connections.close_all()

    def _listen(self) -> None:
        with connection.client().pubsub(ignore_subscribe_messages=True) as channel:
            channel.subscribe(keys.CHANNEL)
            self._mirrors.look(is_patient=True)
            polled_at = time.monotonic()
            while not self._stopping.is_set():
                message = channel.get_message(timeout=_POLL_SECONDS)
                if message is not None:
                    tag, _, cursor = message["data"].decode().rpartition(" ")
                    self._mirrors.catch_up_one(keys.tagged(tag).uid, int(cursor))
                if time.monotonic() - polled_at >= _POLL_SECONDS:
                    self._mirrors.look(is_patient=True)
                    self._mirrors.check_consumers()
                    self._mirrors.make_room()
                    polled_at = time.monotonic()


_mirrors = Mirrors()


def mirrors() -> Mirrors:
    """The mirrors of this process."""
    return _mirrors


def _forget() -> None:
    global _mirrors
    _mirrors = Mirrors()


os.register_at_fork(after_in_child=_forget)  # threads do not survive a fork
