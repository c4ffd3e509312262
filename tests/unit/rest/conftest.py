"""A catalogue with two consumers in a database and a Redis, and HTTP clients of everybody who may ask."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.test import Client

from kcpcache.apiserver import authentication
from replication.models import Replica
from replication.replica import connection
from tests.contract import databases
from tests.unit.replication import provider
from workspaces import bootstrap, signals, tokens
from workspaces.models import Workspace
from workspaces.registry import client as objects
from workspaces.registry import resolver

SECRET = "c2VjcmV0LXZhbHVlLTQ3MTE="
PLAIN_SECRET = "secret-value-4711"
IDENTITY_KEY = "instances-cr-identity-123"


@pytest.fixture(scope="package")
def store_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URL of a SQLite file for the store."""
    return f"sqlite:///{tmp_path_factory.mktemp('rest') / 'store.sqlite3'}"


@pytest.fixture(scope="module")
def catalogue(redis_process: str, store_url: str, django_db_blocker: Any) -> Iterator[None]:
    """A provider with three flavours and a CachedResource, published to two consumers; and a Secret."""
    receivers = signals.changed.receivers
    former = resolver._resolver
    with django_db_blocker.unblock(), databases.migrated(store_url):
        signals.changed.receivers = receivers
        signals.changed.sender_receivers_cache.clear()
        connection.forget()
        connection.client().flushall()
        resolver._resolver = resolver.Resolver()
        authentication.forget()
        Replica.objects.all().delete()
        Workspace.objects.exclude(parent=None).delete()
        Workspace.objects.all().delete()
        get_user_model().objects.all().delete()
        _fill()
        yield
        connection.forget()
    resolver._resolver = former


def _fill() -> None:
    provider.prepare()
    provider.create_crd()
    provider.create_flavors("cpu-small", "cpu-medium", labels={"tier": "gold"})
    provider.create_flavors("cpu-large", labels={"tier": "Gold", "env": "prod"})
    key = {"metadata": {"name": "key"}, "stringData": {"key": IDENTITY_KEY}, "type": "Opaque"}
    objects.create(provider.CLOUD, "", "secrets", key, "default")
    noted = {
        "name": "plain", "labels": {"kind": "noted"},
        "annotations": {"kubectl.kubernetes.io/last-applied-configuration": json.dumps({"data": SECRET})},
    }  # fmt: skip
    secret = {"metadata": noted, "data": {"password": SECRET}, "type": "Opaque"}
    objects.create(provider.CLOUD, "", "secrets", secret, "default")
    provider.create_cachedresource(
        metadata={"labels": {"tier": "gold"}},
        identity={"secretRef": {"name": "key", "namespace": "default"}},
    )
    provider.export(identity_hash=str(provider.status()["identityHash"]))
    provider.bind(provider.ALICE)
    provider.bind(provider.BOB)


class Caller:
    """Requests as one user; what is not JSON is None."""

    def __init__(self, token: str = "", **headers: str) -> None:
        self._client = Client(raise_request_exception=False)
        if token:
            headers["authorization"] = f"Bearer {token}"
        self._headers = headers

    def get(self, path: str, **query: Any) -> Any:
        """GET; the response."""
        return self._client.get(path, query, headers=self._headers, secure=True)

    def post(self, path: str, body: Any = None) -> Any:
        """POST; the response."""
        return self._client.post(
            path, body or {}, content_type="application/json", headers=self._headers, secure=True
        )

    def results(self, path: str, **query: Any) -> list[Any]:
        """The results of a list, which must succeed."""
        response = self.get(path, **query)
        assert response.status_code == 200, response.content
        found: list[Any] = response.json()["results"]
        return found


@pytest.fixture
def admin(catalogue: None) -> Caller:
    """Somebody in system:masters."""
    return Caller(tokens.create("admin", [bootstrap.ADMIN_GROUP], None))


@pytest.fixture
def stranger(catalogue: None) -> Caller:
    """A user without a group."""
    return Caller(tokens.create("stranger", [], None))


@pytest.fixture
def anonymous(catalogue: None) -> Caller:
    """Nobody."""
    return Caller()


@pytest.fixture
def browser(catalogue: None) -> Client:
    """Somebody in system:masters who logged in to the admin; the CSRF token is asked for."""
    account, _ = get_user_model().objects.get_or_create(username="browsing")
    account.groups.add(Group.objects.get_or_create(name=bootstrap.ADMIN_GROUP)[0])
    client = Client(enforce_csrf_checks=True)
    client.force_login(account)
    return client
