"""The workspaces as the API server sees them; named in settings as `KCPCACHE_BACKEND`."""

from __future__ import annotations

import asyncio
import datetime
import hashlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager

from django.db import connection, connections

from kcpcache.apimachinery import errors
from kcpcache.apiserver.exchange import User
from kcpcache.apiserver.requestinfo import RequestInfo
from workspaces import kinds, tokenuse
from workspaces.models import Token
from workspaces.registry import scopes
from workspaces.registry.resolver import resolver
from workspaces.store import broadcast, locks, revisions

log = logging.getLogger(__name__)

FreshnessCheck = Callable[[], Awaitable[None]]
HealthCheck = Callable[[], str]

_freshness: list[FreshnessCheck] = []
_health: list[tuple[str, HealthCheck]] = []
_starters: list[tuple[Callable[[], None], Callable[[], None]]] = []


def add_freshness_check(check: FreshnessCheck) -> None:
    """Have `check` run before anything is answered from memory; called from an app's `ready()`."""
    _freshness.append(check)


def add_health_check(name: str, check: HealthCheck) -> None:
    """Have readiness ask `check`, which returns what is wrong, empty when nothing is."""
    _health.append((name, check))


def add_service(start: Callable[[], None], stop: Callable[[], None]) -> None:
    """Have something run in every web process: followers of logs and streams."""
    _starters.append((start, stop))


class SharedCommits:
    """See `kcpcache.apiserver.backend.SharedCommits`."""

    def may_share(self, info: RequestInfo) -> bool:
        """Not what changes discovery: the resolver remembers what it reads, and may not read what is undone."""
        return info.resource not in kinds.discovery_resources()

    def shared(self) -> AbstractContextManager[Callable[[], None]]:
        """See `store.locks.shared`."""
        return locks.shared()


class Backend:
    """See `kcpcache.apiserver.backend.Backend`."""

    def __init__(self) -> None:
        # One thread asks the database for its revision, on a connection of its own, for all requests of the moment.
        self._asker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="freshness")

    def fresh_scope(self, info: scopes.Address) -> scopes.Scope:
        """The scope a request addresses, as of now; NotFound."""
        resolver().refresh()
        factory = scopes.factory_of(info.prefix)
        scope = factory(info, True) if factory else None
        if scope is None:
            raise errors.NotFound(
                f'workspace "{info.cluster}" not found', kind="workspaces", name=info.cluster
            )
        return scope

    def known_scope(self, info: scopes.Address) -> scopes.Scope | None:
        """The same from memory alone."""
        factory = scopes.factory_of(info.prefix)
        return factory(info, False) if factory else None

    def discovery_revision(self) -> int:
        """The last revision that changed what some workspace serves."""
        return revisions.newest().discovery

    def freshness_checks(self) -> Sequence[FreshnessCheck]:
        """The store's revision first, then what the apps added."""
        return [self._refresh, *_freshness]

    async def _refresh(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._asker, _refresh_resolver)

    def shared_commits(self) -> SharedCommits | None:
        """SQLite's writers share commits; PostgreSQL has many at a time, and its own way of it."""
        return SharedCommits() if connection.vendor == "sqlite" else None

    def authenticate_token(self, token: str) -> User | None:
        """The user of a token of ours; None when it is unknown, expired or its user inactive."""
        digest = hashlib.sha256(token.encode()).hexdigest()
        row = Token.objects.select_related("user").filter(digest=digest, user__is_active=True).first()
        if row is None or (row.expires is not None and row.expires <= datetime.datetime.now(datetime.UTC)):
            return None
        tokenuse.recorder.note(digest)
        groups = tuple(row.user.groups.order_by("name").values_list("name", flat=True))
        return User(name=row.user.get_username(), uid=str(row.user.pk), groups=groups)

    def healthy(self) -> list[tuple[str, str]]:
        """Database first, then what the apps added."""
        return [("database", _database_problem()), *((name, check()) for name, check in _health)]

    def start(self) -> None:
        """Follow the change log, mailboxes being filled on the running event loop."""
        loop = asyncio.get_running_loop()
        broadcast.hub().post = lambda call: _post(loop, call)
        broadcast.start()
        tokenuse.recorder.start()
        for start, _ in _starters:
            start()

    def stop(self) -> None:
        """End every watch and every thread."""
        for _, stop in reversed(_starters):
            stop()
        broadcast.stop()
        tokenuse.recorder.stop()
        self._asker.shutdown(wait=False, cancel_futures=True)


def _post(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    loop.call_soon_threadsafe(call)


def _refresh_resolver() -> None:
    try:
        resolver().refresh()
    except Exception:
        # A broken connection is replaced at the next look-up.
        connections.close_all()
        raise


def _database_problem() -> str:
    try:
        revisions.newest()
    except Exception as error:
        log.warning("the database does not answer: %s", error)
        connections.close_all()
        return f"the database does not answer: {type(error).__name__}"
    return ""
