"""What the API server needs from the apps above it, as interfaces; the implementation is named in settings.

`settings.KCPCACHE_BACKEND` is the dotted path of a factory without arguments that returns a `Backend`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cache
from typing import Any, Protocol

from django.conf import settings
from django.utils.module_loading import import_string

from kcpcache.apimachinery.descriptor import Descriptor
from kcpcache.apiserver.exchange import User
from kcpcache.apiserver.requestinfo import RequestInfo


class Scope(Protocol):
    """What a URL prefix addresses: one workspace, or a virtual workspace over one or many."""

    cluster: str  # logical cluster name, or ``*``
    path: str  # workspace path, for messages and authorization

    def resources(self) -> Mapping[tuple[str, str, str], Descriptor]:
        """Every served (group, version, plural)."""

    def storage(self, descriptor: Descriptor) -> Any:
        """An object that satisfies some interfaces of `apimachinery.storage` for this resource."""

    def refusal(self, descriptor: Descriptor, verb: str) -> str:
        """Why a verb is not there (names the provider of a virtual resource), for the 405's message."""

    def discovery_token(self) -> str:
        """Changes whenever `resources()` does: an ETag and a cache key for documents."""


class SharedCommits(Protocol):
    """How several writes of one thread are committed at once."""

    def may_share(self, info: RequestInfo) -> bool:
        """Whether a write may see others that are not committed yet: not so where memory is made of what it sees."""

    def shared(self) -> AbstractContextManager[Callable[[], None]]:
        """One commit of everything that is written inside, at its end; in it, each write can be undone by itself.

        The value, called after each write, raises when what was written so far is lost.
        """


class Backend(Protocol):
    """The workspaces behind the API."""

    def fresh_scope(self, info: RequestInfo) -> Scope:
        """The scope a request addresses, as of now (may block on the database); NotFound."""

    def known_scope(self, info: RequestInfo) -> Scope | None:
        """The same from memory alone, or None; right only after `freshness` has been passed since the
        request began."""

    def discovery_revision(self) -> int:
        """A number that moves whenever some workspace serves something else (may block)."""

    def freshness_checks(self) -> Sequence[Callable[[], Awaitable[None]]]:
        """What must run, after a request began, to make `known_scope` and non-blocking storages current."""

    def shared_commits(self) -> SharedCommits | None:
        """For a store that has one writer at a time, None for one that has many."""

    def authenticate_token(self, token: str) -> User | None:
        """The user of a bearer token; None when nobody issued it or it has expired (may block)."""

    def healthy(self) -> list[tuple[str, str]]:
        """Readiness checks: (name, problem), problem empty when well (may block)."""

    def start(self) -> None:
        """Begin to follow changes; called once in a web process, on its event loop."""

    def stop(self) -> None:
        """End every watch and every thread of this process."""


@cache
def backend() -> Backend:
    """The configured backend of this process."""
    made: Backend = import_string(settings.KCPCACHE_BACKEND)()
    return made
