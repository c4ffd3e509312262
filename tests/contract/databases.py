"""Real databases for the store: the aliases `default` and `snapshot` are pointed at each in turn."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from django.core.management import call_command
from django.db import connection, connections

from kcpcache.settings import databases
from workspaces import models, signals
from workspaces.store import broadcast


@contextlib.contextmanager
def pointed_at(url: str) -> Iterator[None]:
    """The aliases mean this database, in every thread that begins inside the block."""
    before = connections.settings
    _switch(connections.configure_settings(databases(url)))
    try:
        yield
    finally:
        _switch(before)


def _switch(settings: object) -> None:
    broadcast.stop()
    connections.close_all()
    for alias in list(connections.settings):
        with contextlib.suppress(AttributeError):
            del connections[alias]
    connections.settings = settings


@contextlib.contextmanager
def migrated(url: str) -> Iterator[None]:
    """The same, with every table of the store there and empty, and with nobody but the test to hear of writes."""
    with pointed_at(url), _without_receivers():
        call_command("migrate", verbosity=0)
        with connection.cursor() as cursor:
            for model in (models.Index, models.Object, models.Change, models.Counter, models.Work):
                cursor.execute(f'DELETE FROM "{model._meta.db_table}"')
        yield


@contextlib.contextmanager
def _without_receivers() -> Iterator[None]:
    receivers = signals.changed.receivers
    signals.changed.receivers = []
    signals.changed.sender_receivers_cache.clear()
    try:
        yield
    finally:
        signals.changed.receivers = receivers
        signals.changed.sender_receivers_cache.clear()
