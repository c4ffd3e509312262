"""Bodies are decoded once for each revision of an object."""

from __future__ import annotations

import pytest

from tests.unit.replication import provider
from tests.unit.replication.provider import ALICE, CLOUD
from workspaces.registry import client
from workspaces.store.projection import Projection

pytestmark = pytest.mark.usefixtures("cloud")


def test_only_what_changed_is_read_again() -> None:
    decoded: list[str] = []

    def project(cluster: str, obj: dict) -> tuple[str, str, str]:  # type: ignore[type-arg]
        decoded.append(obj["metadata"]["name"])
        return cluster, obj["metadata"]["name"], (obj.get("data") or {}).get("a", "")

    def taken() -> list[str]:
        names, decoded[:] = sorted(decoded), []
        return names

    def maps() -> list[tuple[str, str, str]]:
        return [found for found in projection.all() if found[1] in ("one", "two")]

    projection = Projection("", "configmaps", project)
    for cluster, name in ((CLOUD, "two"), (CLOUD, "one"), (ALICE, "one")):
        client.create(
            cluster, "", "configmaps", {"metadata": {"name": name, "namespace": "default"}}, "default"
        )
    assert maps() == [(ALICE, "one", ""), (CLOUD, "one", ""), (CLOUD, "two", "")]
    taken()
    assert len(maps()) == 3 and taken() == []
    changed = {"metadata": {"name": "one", "namespace": "default"}, "data": {"a": "b"}}
    client.update(ALICE, "", "configmaps", "one", lambda obj: {**obj, "data": changed["data"]}, "default")
    assert maps()[0] == (ALICE, "one", "b") and taken() == ["one"]
    client.delete(CLOUD, "", "configmaps", "two", "default")
    assert maps() == [(ALICE, "one", "b"), (CLOUD, "one", "")] and taken() == []


def test_many_new_objects_are_read_in_one_statement(monkeypatch: pytest.MonkeyPatch) -> None:
    from workspaces.store import projection as module

    monkeypatch.setattr(module, "_CHUNK", 1)
    provider.create_crd()
    provider.create_flavors("a", "b", "c")
    names = Projection(provider.GROUP, "cpuflavors", lambda _, obj: obj["metadata"]["name"])
    assert names.all() == ["a", "b", "c"]
