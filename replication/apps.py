"""The app that publishes: replicas in Redis, and the views that consumers read."""

from __future__ import annotations

from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps


class AdminConfig(admin_apps.AdminConfig):
    """Django's admin, with the dashboard as its first page and one decision about who may enter."""

    default = False
    default_site = "replication.adminsite.Site"


class ReplicationConfig(AppConfig):
    """CachedResources and their replicas."""

    name = "replication"
    default = True
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect receivers, controllers and the virtual workspaces."""
        from replication import setup  # needs loaded models

        setup.connect()
