"""The Celery app. Tasks are in the apps' `tasks` modules; all settings begin with ``CELERY_``."""

from __future__ import annotations

import logging.config
import os

from celery import Celery, signals

from kcpcache import correlation, tracing

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kcpcache.settings")

app = Celery("kcpcache", amqp="kcpcache.reconnect:AMQP")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.steps["consumer"].add("kcpcache.pulse:ConsumerStep")
app.steps["consumer"].add("kcpcache.reconnect:Step")
app.steps["consumer"].add("replication.presence:Step")
correlation.connect()
app.set_default()  # for every thread: Celery makes an app current for the importing thread only


@signals.setup_logging.connect
def log_as_django_does(**_: object) -> None:
    """One format for all processes: a receiver here keeps Celery from setting up logging of its own."""
    from django.conf import settings

    logging.config.dictConfig(settings.LOGGING)


@signals.worker_process_init.connect
def trace(**_: object) -> None:
    """Each process of the pool has spans and an exporter of its own."""
    tracing.configure()
