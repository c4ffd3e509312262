"""A watch ends when what it watches is no longer served: unbound, no longer exported, its CRD or workspace deleted.

Every open watch hangs on a lifeline. Whenever discovery moved, the lifelines are looked at, each once however many
watches hang on it; clients of a watch that ended list again and are told what is true now.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import weakref
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from kcpcache.apimachinery import errors
from kcpcache.apimachinery.descriptor import Descriptor
from kcpcache.apiserver.backend import Backend
from kcpcache.apiserver.requestinfo import RequestInfo
from kcpcache.apiserver.streaming import Session

logger = logging.getLogger(__name__)

INTERVAL_SECONDS = 0.5

InThread = Callable[..., Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Lifeline:
    """A resource as a scope served it when the watch was opened."""

    address: tuple[str, tuple[str, ...], str]
    resource: tuple[str, str, str]
    served: tuple[str, ...]
    info: RequestInfo = field(compare=False)


_lock = threading.Lock()  # watches are opened in many threads
_watches: weakref.WeakKeyDictionary[Session, Lifeline] = weakref.WeakKeyDictionary()
_unseen: set[Lifeline] = set()  # attached since the last look


def attach(session: Session, info: RequestInfo, descriptor: Descriptor) -> None:
    """Have a watch end when its resource does."""
    lifeline = Lifeline(
        address=(info.prefix, info.prefix_args, info.cluster),
        resource=(descriptor.group, descriptor.version, descriptor.plural),
        served=_identity_of(descriptor),
        info=info,
    )
    with _lock:
        _watches[session] = lifeline
        _unseen.add(lifeline)


def _open() -> list[tuple[Session, Lifeline]]:
    with _lock:
        return list(_watches.items())


def _identity_of(descriptor: Descriptor) -> tuple[str, ...]:
    """What must stay for a watch to go on; a new schema alone does not end it."""
    target = str(descriptor.extra["virtual"][1]) if "virtual" in descriptor.extra else ""
    made_by = descriptor.source[0] if descriptor.origin == "crd" and descriptor.source else ""
    return (descriptor.origin, descriptor.identity, made_by, target)


class Guard:
    """Looks at the lifelines of this process whenever discovery moved."""

    def __init__(self, backend: Backend, in_thread: InThread) -> None:
        """`in_thread` runs a blocking function in a worker thread."""
        self._backend = backend
        self._in_thread = in_thread
        self._seen = -1

    async def run(self) -> None:
        """Until it is cancelled. Where the database is away nothing is ended and the next look sees all."""
        while True:
            await asyncio.sleep(INTERVAL_SECONDS)
            if not _watches:
                continue
            try:
                await self.look()
            except Exception:
                logger.warning("open watches could not be checked", exc_info=True)

    async def look(self) -> None:
        """One look, at every lifeline if discovery moved, otherwise at the new ones."""
        known = {lifeline for _, lifeline in _open()}
        with _lock:
            fresh = set(_unseen)
            _unseen.clear()
        try:
            self._seen, cut = await self._in_thread(self._cut, known, fresh)
        except BaseException:
            with _lock:
                _unseen.update(fresh)
            raise
        for session, lifeline in _open():
            if lifeline in cut:
                session.end()

    def _cut(self, known: set[Lifeline], fresh: set[Lifeline]) -> tuple[int, set[Lifeline]]:
        discovery = self._backend.discovery_revision()
        to_check = known | fresh if discovery != self._seen else fresh
        return discovery, {lifeline for lifeline in to_check if not self._holds(lifeline)}

    def _holds(self, lifeline: Lifeline) -> bool:
        try:
            scope = self._backend.fresh_scope(lifeline.info)
        except errors.APIError as error:
            if error.code >= 500:
                raise
            return False
        descriptor = scope.resources().get(lifeline.resource)
        return descriptor is not None and _identity_of(descriptor) == lifeline.served
