"""A store with a root workspace, and a worker that runs in the test itself."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from kcpcache.apimachinery.objects import JSONObject
from workspaces import bootstrap, tasks
from workspaces.registry import client, resolver
from workspaces.store import leases, work

on_database = pytest.mark.django_db(transaction=True, databases=["default", "snapshot"])


@pytest.fixture
def root(db: None, monkeypatch: pytest.MonkeyPatch) -> str:
    """The root workspace's logical cluster; the tests' modules are marked with `on_database`."""
    monkeypatch.setattr(resolver, "_resolver", resolver.Resolver())  # the last test's store is not this one's
    bootstrap.ensure()
    settle()
    return "root"


def settle(until: Callable[[], bool] = lambda: True, timeout_seconds: float = 20) -> None:
    """Do noted work until none is due and a state is reached."""
    deadline = time.monotonic() + timeout_seconds
    while True:
        while work.due(1):
            for item in leases.claim(8, 15):
                tasks.reconcile(item)
        if until():
            return
        assert time.monotonic() < deadline, "the state was not reached"
        time.sleep(0.02)


@pytest.fixture
def workspace(root: str) -> Callable[..., str]:
    """Makes a workspace and returns its logical cluster."""

    def make(name: str, parent: str = root) -> str:
        made = client.create(parent, "tenancy.kcp.io", "workspaces", {"metadata": {"name": name}})
        settle()
        return str(made["spec"]["cluster"])

    return make


def crd(plural: str, kind: str, *, group: str = "cloud.example.com", scope: str = "Cluster") -> JSONObject:
    """A small CRD."""
    schema = {
        "type": "object",
        "properties": {"spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
    }
    return {
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": scope,
            "names": {"plural": plural, "kind": kind},
            "versions": [
                {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
            ],
        },
    }


def resource_schema(plural: str, kind: str, *, group: str = "cloud.example.com") -> JSONObject:
    """The APIResourceSchema of such a CRD."""
    spec = crd(plural, kind, group=group)["spec"]
    versions = [{**version, "schema": version["schema"]["openAPIV3Schema"]} for version in spec["versions"]]
    return {"metadata": {"name": f"v1.{plural}.{group}"}, "spec": {**spec, "versions": versions}}


def export(name: str, *plurals: str, group: str = "cloud.example.com") -> JSONObject:
    """An APIExport with `crd` storage."""
    resources = [
        {"group": group, "name": plural, "schema": f"v1.{plural}.{group}", "storage": {"crd": {}}}
        for plural in plurals
    ]
    return {"metadata": {"name": name}, "spec": {"resources": resources}}


def binding(name: str, path: str, export_name: str) -> JSONObject:
    """An APIBinding."""
    return {
        "metadata": {"name": name},
        "spec": {"reference": {"export": {"path": path, "name": export_name}}},
    }
