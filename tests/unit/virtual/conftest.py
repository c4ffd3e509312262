"""A provider with an export, consumers of it, and an HTTP client that sees the virtual workspace."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from kcpcache.apimachinery.objects import JSONObject
from kcpcache.apiserver import authentication
from tests.unit.controllers.conftest import binding, export, resource_schema, root, settle, workspace
from workspaces import bootstrap, tokens
from workspaces.registry import client

__all__ = ["root", "workspace"]

APIS = "apis.kcp.io"
GROUP = "cloud.example.com"


class Caller:
    """Requests of an administrator to the virtual workspace of root:cloud's export `compute`."""

    def __init__(self) -> None:
        authentication.forget()
        self._client = Client(raise_request_exception=False)
        token = tokens.create("admin", [bootstrap.ADMIN_GROUP], None)
        self._headers = {"authorization": f"Bearer {token}"}

    def __call__(
        self, method: str, cluster: str, path: str, body: Any = None, media: str = "application/json"
    ) -> Any:
        """The response; `path` begins behind ``clusters/<cluster>``."""
        url = f"/services/apiexport/root:cloud/compute/clusters/{cluster}{path}"
        return self._client.generic(
            method,
            url,
            "" if body is None else json.dumps(body),
            content_type=media,
            headers=self._headers,
            secure=True,
        )

    def names(self, cluster: str, path: str) -> list[tuple[str, str]]:
        """Consumer and name of each object of a list, which must succeed."""
        response = self("GET", cluster, path)
        assert response.status_code == 200, response.content
        found = [item["metadata"] for item in response.json()["items"]]
        return [(each["annotations"]["kcp.io/cluster"], each["name"]) for each in found]


@pytest.fixture
def provider(workspace: Callable[..., str]) -> str:
    """root:cloud, which exports instances."""
    cluster = workspace("cloud")
    for plural, kind in (("instances", "Instance"), ("disks", "Disk")):
        client.create(cluster, APIS, "apiresourceschemas", resource_schema(plural, kind))
    client.create(cluster, APIS, "apiexports", export("compute", "instances"))
    settle()
    return cluster


@pytest.fixture
def consumer(provider: str, workspace: Callable[..., str]) -> Callable[..., str]:
    """Makes a workspace that is bound and grants claims; returns its logical cluster."""

    def make(name: str, *claims: JSONObject) -> str:
        cluster = workspace(name)
        made = binding("compute", "root:cloud", "compute")
        made["spec"]["permissionClaims"] = list(claims)
        client.create(cluster, APIS, "apibindings", made)
        settle()
        return cluster

    return make


@pytest.fixture
def call(root: str) -> Caller:
    """Speaks HTTP to the virtual workspace."""
    return Caller()


def change(cluster: str, plural: str, name: str, spec: JSONObject) -> None:
    """Replace parts of the spec of an export or a binding."""
    client.update(cluster, APIS, plural, name, lambda obj: {**obj, "spec": {**obj["spec"], **spec}})
    settle()
