"""A provider with a consumer in a real database and a real Redis, and people who log in to the admin."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.contrib.sessions.models import Session
from django.test import Client

from replication import reports, rows
from replication.admin import dashboard
from replication.controllers import cachedresource as controller
from replication.models import Replica
from replication.replica import connection
from tests.contract import databases
from tests.unit.replication import provider
from workspaces import bootstrap, signals
from workspaces.models import Token, Workspace
from workspaces.registry import resolver

PASSWORD = "a-password-of-tests"


def person(name: str, *groups: str, is_staff: bool = True, is_superuser: bool = False) -> Client:
    """A browser in which somebody is logged in."""
    account = get_user_model().objects.create_user(
        name, password=PASSWORD, is_staff=is_staff, is_superuser=is_superuser
    )
    account.groups.add(*(Group.objects.get_or_create(name=group)[0] for group in groups))
    client = Client(headers={"host": "localhost"})
    client.force_login(account)
    return client


@pytest.fixture(scope="package")
def store_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URL of a SQLite file for the store."""
    return f"sqlite:///{tmp_path_factory.mktemp('admin') / 'store.sqlite3'}"


@pytest.fixture
def store(
    redis_server: str, store_url: str, django_db_blocker: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """The root workspace, and a provider with two flavours that are replicated."""
    receivers = signals.changed.receivers
    with django_db_blocker.unblock(), databases.migrated(store_url):
        signals.changed.receivers = receivers
        signals.changed.sender_receivers_cache.clear()
        for model in (Replica, Session, LogEntry, Token, get_user_model(), Group):
            model.objects.all().delete()
        for workspace in Workspace.objects.order_by("-path"):  # children first
            workspace.delete()
        connection.forget()
        rows.forget()
        dashboard.forget()
        monkeypatch.setattr(resolver, "_resolver", resolver.Resolver())
        monkeypatch.setattr(controller, "_INTERVAL_SECONDS", 0.0)
        monkeypatch.setattr(reports, "INTERVAL_SECONDS", 0.0)
        provider.prepare()
        provider.create_crd()
        provider.create_flavors("small", labels={"tier": "gold"})
        provider.create_flavors("large", labels={"tier": "silver", "old": "yes"})
        provider.create_cachedresource()
        yield
        connection.forget()


@pytest.fixture
def operator(store: None) -> Client:
    """Staff in system:masters."""
    return person("operator", bootstrap.ADMIN_GROUP)
