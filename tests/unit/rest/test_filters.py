"""Lists of ``/api/``: what their queries find, and how bad ones are refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.replication.provider import ALICE, BOB, CLOUD, GROUP
from tests.unit.rest.conftest import Caller

FLAVORS = {"resource": "cpuflavors", "group": GROUP}


def names(found: list[Any]) -> list[str]:
    return sorted(each["name"] for each in found)


@pytest.mark.parametrize("workspace", [f"root:{CLOUD}", CLOUD])
def test_workspace_is_a_path_or_a_logical_cluster(admin: Caller, workspace: str) -> None:
    found = admin.results("/api/objects", workspace=workspace, **FLAVORS)
    assert names(found) == ["cpu-large", "cpu-medium", "cpu-small"]
    assert {each["workspace"] for each in found} == {f"root:{CLOUD}"}


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("tier=gold", ["cpu-medium", "cpu-small"]),
        ("tier=Gold", ["cpu-large"]),
        ("tier!=gold", ["cpu-large"]),
        ("tier in (gold,Gold)", ["cpu-large", "cpu-medium", "cpu-small"]),
        ("env", ["cpu-large"]),
        ("!env", ["cpu-medium", "cpu-small"]),
        ("tier=gold,env", []),
    ],
)
def test_label_selects_as_kubectl_does(admin: Caller, selector: str, expected: list[str]) -> None:
    assert names(admin.results("/api/objects", label=selector, **FLAVORS)) == expected


def test_labels_given_twice_must_both_hold(admin: Caller) -> None:
    assert names(admin.results("/api/objects", label=["tier=Gold", "env=prod"], **FLAVORS)) == ["cpu-large"]
    assert names(admin.results("/api/objects", label=["tier=gold", "env=prod"], **FLAVORS)) == []


def test_created_is_compared_as_time(admin: Caller) -> None:
    assert len(admin.results("/api/objects", created_after="2020-01-01T00:00:00+05:00", **FLAVORS)) == 3
    assert admin.results("/api/objects", created_before="2020-01-01", **FLAVORS) == []
    assert admin.results("/api/objects", created_after="2020-01-01", resource="secrets") == []


def test_ordering_and_search(admin: Caller) -> None:
    found = admin.results("/api/objects", ordering="-name", search="CPU-", **FLAVORS)
    assert [each["name"] for each in found] == ["cpu-small", "cpu-medium", "cpu-large"]


def test_cachedresources_are_filtered_by_their_health(admin: Caller) -> None:
    (found,) = admin.results(
        "/api/cachedresources",
        workspace=f"root:{CLOUD}", phase="Ready", synced="true", label="tier=gold", lag__lte=5,
        created_after="2020-01-01T00:00:00Z",
    )  # fmt: skip
    assert (found["name"], found["cache"], found["consumers"]) == ("cpuflavors-v1", 3, 2)
    assert admin.results("/api/cachedresources", lag__gt=5) == []
    assert admin.results("/api/cachedresources", phase="Deleting") == []
    assert admin.results("/api/cachedresources", label="tier!=gold") == []
    assert admin.results("/api/cachedresources", workspace=f"root:{ALICE}") == []


def test_bindings_say_who_is_served_at_which_revision(admin: Caller) -> None:
    found = admin.results("/api/bindings", provider=f"root:{CLOUD}", resource=f"cpuflavors.{GROUP}")
    assert [each["workspace"] for each in found] == [f"root:{ALICE}", f"root:{BOB}"]
    assert all(each["served_revision"] > 0 and each["is_ready"] for each in found)


def test_change_log_is_newest_first_and_filtered(admin: Caller) -> None:
    found = admin.results("/api/changes", name="cpu-small", type="ADDED")
    assert [each["type"] for each in found] == ["ADDED"]
    revisions = [each["revision"] for each in admin.results("/api/changes")]
    assert revisions == sorted(revisions, reverse=True)
    after = revisions[3]
    assert [each["revision"] for each in admin.results("/api/changes", revision__gt=after)] == revisions[:3]


def test_replica_shows_what_lies_in_redis(admin: Caller) -> None:
    (replica,) = admin.results("/api/replicas")
    objects = admin.results(f"/api/replicas/{replica['uid']}/objects", page_size=2)
    assert [each["name"] for each in objects] == ["cpu-large", "cpu-medium"]
    one = admin.get(f"/api/replicas/{replica['uid']}/objects/cpu-small").json()
    assert one["object"]["spec"] == {"cores": 1}
    assert admin.get(f"/api/replicas/{replica['uid']}/objects/absent").status_code == 404


def test_pages_have_count_next_and_previous(admin: Caller) -> None:
    first = admin.get("/api/objects", page_size=2, **FLAVORS).json()
    assert (first["count"], len(first["results"]), first["previous"]) == (3, 2, None)
    second = admin.get(first["next"]).json()
    assert (len(second["results"]), second["next"]) == (1, None)


@pytest.mark.parametrize(
    ("path", "query", "field"),
    [
        ("objects", {"worksapce": "root"}, "worksapce"),
        ("objects", {"workspace": "root:absent"}, "workspace"),
        ("objects", {"label": "a in ("}, "label"),
        ("objects", {"label": "a>5"}, "label"),
        ("objects", {"created_after": "yesterday"}, "created_after"),
        ("objects", {"name": ["a", "b"]}, "name"),
        ("objects", {"name": "a\0b"}, "name"),
        ("objects", {"search": "a\0b"}, "search"),
        ("objects", {"ordering": "body"}, "ordering"),
        ("objects", {"page": "0"}, "page"),
        ("objects", {"page": "x"}, "page"),
        ("objects", {"page_size": "5000"}, "page_size"),
        ("objects", {"body__contains": "x"}, "body__contains"),
        ("cachedresources", {"lag__gt": "fast"}, "lag__gt"),
        ("cachedresources", {"lag__gt": "NaN"}, "lag__gt"),
        ("cachedresources", {"ready": "maybe"}, "ready"),
        ("cachedresources", {"phase": "Happy"}, "phase"),
        ("cachedresources", {"consumers": "1"}, "consumers"),
        ("changes", {"revision__gt": "1e999"}, "revision__gt"),
        ("changes", {"type": "A"}, "type"),
        ("workers", {"alive": "1"}, "alive"),
        ("workspaces/root", {"x": "y"}, ""),
    ],
)
def test_bad_query_is_refused_and_named(admin: Caller, path: str, query: dict[str, Any], field: str) -> None:
    response = admin.get(f"/api/{path}", **query)
    status = response.json()
    assert (response.status_code, status["kind"], status["reason"]) == (400, "Status", "BadRequest")
    if field:
        assert [cause["field"] for cause in status["details"]["causes"]] == [field]
