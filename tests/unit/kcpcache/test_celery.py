"""What a worker does with its database connections between two tasks."""

from __future__ import annotations

import pytest
from celery import signals
from celery.fixups.django import DjangoWorkerFixup
from django.db import connection

from kcpcache.celery import app

pytestmark = pytest.mark.django_db(transaction=True)


def test_connection_is_kept_from_task_to_task() -> None:
    connection.ensure_connection()
    kept = connection.connection
    fixup = DjangoWorkerFixup(app)
    for _ in range(10):
        fixup.close_database()  # as Celery calls it before and after each task
        signals.task_prerun.send(sender=None)
        signals.task_postrun.send(sender=None)
    assert connection.connection is kept


def test_connection_that_broke_is_replaced_before_the_next_task(monkeypatch: pytest.MonkeyPatch) -> None:
    connection.ensure_connection()
    broken = connection.connection
    monkeypatch.setattr(connection, "errors_occurred", True)
    monkeypatch.setattr(connection, "is_usable", lambda: False)
    signals.task_prerun.send(sender=None)
    assert connection.connection is not broken


def test_process_that_ends_closes_its_connections() -> None:
    connection.ensure_connection()
    signals.worker_process_shutdown.send(sender=None)
    assert connection.connection is None
