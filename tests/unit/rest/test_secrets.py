"""No byte of a Secret, and no identity key, leaves through ``/api/``."""

from __future__ import annotations

import base64

from tests.unit.rest.conftest import IDENTITY_KEY, PLAIN_SECRET, SECRET, Caller

FORBIDDEN = [text.encode() for text in (SECRET, PLAIN_SECRET, IDENTITY_KEY)]
FORBIDDEN.append(base64.b64encode(IDENTITY_KEY.encode()))


def assert_no_secret(content: bytes) -> None:
    for text in FORBIDDEN:
        assert text not in content
    assert b"kcpcache:fernet:" not in content


def test_secret_shows_type_and_metadata_alone(admin: Caller) -> None:
    for row in admin.results("/api/objects", resource="secrets"):
        response = admin.get(f"/api/objects/{row['id']}")
        assert_no_secret(response.content)
        shown = response.json()["object"]
        assert set(shown) <= {"apiVersion", "kind", "type", "metadata"}
        assert "annotations" not in shown["metadata"]


def test_change_log_of_secrets_has_no_data(admin: Caller) -> None:
    found = admin.results("/api/changes", resource="secrets")
    assert found
    for row in found:
        response = admin.get(f"/api/changes/{row['revision']}")
        assert_no_secret(response.content)
        assert "data" not in response.json()["object"]


def test_secret_cannot_be_found_by_what_it_holds(admin: Caller) -> None:
    for text in (SECRET, PLAIN_SECRET, IDENTITY_KEY, "password"):
        assert admin.results("/api/objects", search=text) == []
        assert admin.results("/api/changes", search=text) == []


def test_no_list_shows_a_secret(admin: Caller) -> None:
    for path in (
        "workspaces",
        "objects",
        "changes",
        "cachedresources",
        "replicas",
        "bindings",
        "workers",
        "checks",
    ):
        assert_no_secret(admin.get(f"/api/{path}", page_size=1000).content)
