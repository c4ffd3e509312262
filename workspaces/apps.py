"""The app that knows what exists and how it is written."""

from __future__ import annotations

from django.apps import AppConfig

from kcpcache import outage


class WorkspacesConfig(AppConfig):
    """Workspaces, their objects and the change log."""

    name = "workspaces"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Say what is secret, and connect receivers: they note work and publish hints."""
        # They need loaded models, and register themselves.
        from workspaces import (
            kinds,
            receivers,  # noqa: F401
        )
        from workspaces.registry import workspace  # noqa: F401
        from workspaces.store import encryption, reachability
        from workspaces.virtual import apiexport  # noqa: F401

        encryption.declare(kinds.secret_resources())
        outage.register(outage.DATABASE, reachability.is_away, reachability.probe)
