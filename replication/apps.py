"""The app that publishes: replicas in Redis, and the views that consumers read."""

from __future__ import annotations

from django.apps import AppConfig


class ReplicationConfig(AppConfig):
    """CachedResources and their replicas."""

    name = "replication"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect receivers, controllers and the virtual workspaces."""
        from replication import setup  # needs loaded models

        setup.connect()
