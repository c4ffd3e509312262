"""What people see of single objects, on every database; the admin's lists too."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.test import RequestFactory

from kcpcache.apimachinery.storage import Key
from tests.contract.harness import key, thing
from workspaces.models import Change, Object, Workspace
from workspaces.store import inspection, objects

pytestmark = pytest.mark.usefixtures("database")


def put(at: Key, obj: dict[str, Any]) -> None:
    with objects.writing([at]) as tx:
        tx.put(at, obj)


def event(name: str, uid: str, **parts: str) -> dict[str, Any]:
    """An Event about an object with this uid."""
    last = parts.pop("last", "2026-01-01T00:00:00Z")
    return {
        **thing(name, namespace="default"),
        "involvedObject": {"uid": uid},
        "lastTimestamp": last,
        **parts,
    }


def test_kinds_are_those_that_exist_in_order_and_each_once() -> None:
    for number in range(3):
        put(key(f"a{number}"), thing(f"a{number}"))
    put(key("b", group="", resource="secrets", namespace="default"), thing("b", namespace="default"))
    put(key("c", cluster="beta", group="z.example.com", resource="lamps"), thing("c"))
    mine = key("a0")
    assert inspection.kinds() == [("", "secrets"), (mine.group, mine.resource), ("z.example.com", "lamps")]
    assert inspection.kinds("beta") == [("z.example.com", "lamps")]
    assert inspection.kinds("gamma") == []


def test_history_is_of_one_object_the_newest_first() -> None:
    for number in range(3):
        put(key("a"), thing("a", size=number))
        put(key("b"), thing("b", size=number))
    found = inspection.history(key("a"), 2)
    assert [change.kind for change in found] == ["M", "M"]
    assert found[0].revision > found[1].revision
    assert b'"size":2' in (found[0].body or b"") and b'"size":1' in (found[0].previous or b"")
    assert found[0].at.tzinfo is not None


def test_history_looks_back_a_bounded_number_of_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspection, "_REACH", 3)
    put(key("a"), thing("a"))
    for number in range(5):
        put(key("b"), thing("b", size=number))
    assert inspection.history(key("a"), 10) == []
    assert len(inspection.history(key("b"), 10)) == 3


def test_history_of_a_secret_has_no_bodies() -> None:
    at = key("s", group="", resource="secrets", namespace="default")
    put(at, {**thing("s", namespace="default"), "data": {"key": "aHVudGVy"}})
    (change,) = inspection.history(at, 5)
    assert (change.body, change.previous) == (None, None)


def test_events_are_found_by_what_they_are_about() -> None:
    def at(name: str) -> Key:
        return key(name, group="", resource="events", namespace="default")

    put(at("a.1"), event("a.1", "uid-a", type="Warning", last="2026-01-01T00:00:00Z"))
    put(at("a.2"), event("a.2", "uid-a", type="Normal", last="2026-01-02T00:00:00Z"))
    put(at("a.3"), event("a.3", "uid-of-a-former-a", type="Normal"))
    put(at("ab.1"), event("ab.1", "uid-ab", type="Warning"))
    found = inspection.events_about("alpha", "", "a", "uid-a")
    assert [each["metadata"]["name"] for each in found] == ["a.2", "a.1"]
    warnings = inspection.newest_warnings(5)
    assert [each["metadata"]["name"] for _, each in warnings] == ["ab.1", "a.1"]
    assert len(inspection.newest_warnings(1)) == 1


def test_the_lists_of_the_admin_work_on_this_database() -> None:
    put(key("a", cluster="root"), thing("a", labels={"tier": "gold"}))
    paths = ("root", "root:a-b", "root:a", "root:a:z")
    for path in paths:
        Workspace.objects.get_or_create(cluster=path.replace(":", ""), defaults={"path": path, "name": path})
    request = RequestFactory().get("/")
    tree = admin.site._registry[Workspace].get_queryset(request).filter(path__in=paths[1:])
    assert [row.path for row in tree] == ["root:a", "root:a:z", "root:a-b"]
    listed = admin.site._registry[Object].get_queryset(request)
    assert [row.name for row in listed.order_by(*admin.site._registry[Object].ordering)] == ["a"]
    assert Change.objects.count() == 1
