"""The Celery app. Tasks are in the apps' `tasks` modules; all settings begin with ``CELERY_``."""

from __future__ import annotations

import logging.config
import os

from celery import Celery, signals
from django import db

from kcpcache import correlation, demand, reconnect, tracing

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kcpcache.settings")

app = Celery("kcpcache", amqp="kcpcache.reconnect:AMQP")
app.config_from_object("django.conf:settings", namespace="CELERY")
# Celery's part for Django would close the database after each task; `usable_connections` does what Django does for
# requests. The name has no place in the settings: the fixup asks for it with its prefix.
app.conf["CELERY_DB_REUSE_MAX"] = 1_000_000
app.autodiscover_tasks()
app.steps["worker"].add("kcpcache.softstop:Step")
app.steps["consumer"].add("kcpcache.pulse:ConsumerStep")
app.steps["consumer"].add("kcpcache.reconnect:Step")
app.steps["consumer"].add("replication.presence:Step")
correlation.connect()
demand.connect()
reconnect.connect(app)
app.set_default()  # for every thread: Celery makes an app current for the importing thread only


@signals.setup_logging.connect
def log_as_django_does(**_: object) -> None:
    """One format for all processes: a receiver here keeps Celery from setting up logging of its own."""
    from django.conf import settings

    logging.config.dictConfig(settings.LOGGING)


@signals.task_prerun.connect
@signals.task_postrun.connect
def usable_connections(**_: object) -> None:
    """Close connections that are broken or too old, and keep the others, with what they have in memory."""
    db.close_old_connections()


@signals.worker_process_shutdown.connect
def finished_connections(**_: object) -> None:
    """Leave no connection for the server to miss, nor SQLite's log without the last close that empties it."""
    db.connections.close_all()


@signals.worker_process_init.connect
def trace(**_: object) -> None:
    """Each process of the pool has spans and an exporter of its own."""
    tracing.configure()
