"""The app that runs the others."""

from __future__ import annotations

import signal

from django.apps import AppConfig


class SupervisorConfig(AppConfig):
    """Commands that run processes, and the checks of settings before they do."""

    name = "supervisor"

    def ready(self) -> None:
        """Load the Celery app, so that every process publishes through it, and register the checks."""
        from celery import signals

        from kcpcache import celery  # noqa: F401 - loading it makes it the default app
        from supervisor import checks  # noqa: F401 - loading it registers them

        signals.worker_process_init.connect(_end_with_worker)


def _end_with_worker(**_: object) -> None:
    """A pool process must not outlive a worker that was killed: it would go on with tasks given to others."""
    from supervisor import parentdeath

    parentdeath.request(signal.SIGKILL)
