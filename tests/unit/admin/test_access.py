"""Who sees the admin: staff in system:masters, and nobody else."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from tests.unit.admin.conftest import person
from tests.unit.replication.provider import CLOUD
from workspaces.models import Object

PAGES = (
    "/admin/",
    "/admin/status/",
    "/admin/cachedresources/",
    f"/admin/cachedresources/{CLOUD}/cpuflavors-v1/",
    "/admin/consumers/",
    "/admin/workspaces/object/",
    "/admin/workspaces/object/at/?cluster=root&resource=namespaces&name=default",
    "/admin/workspaces/workspace/",
    f"/admin/workspaces/workspace/{CLOUD}/change/",
    "/admin/workspaces/token/",
    "/admin/workspaces/token/add/",
    "/admin/auth/user/",
    "/admin/auth/group/",
)
OUTSIDERS = {
    "nobody": None,
    "staff": {"is_staff": True},
    "superuser": {"is_staff": True, "is_superuser": True},
    "master who is no staff": {"is_staff": False, "groups": ("system:masters",)},
    "monitoring": {"is_staff": True, "groups": ("system:monitoring",)},
    "a group alike": {"is_staff": True, "groups": ("system:masters2", "system:authenticated")},
}


def outsider(kind: str) -> Client:
    """Somebody who may not enter."""
    rights = OUTSIDERS[kind]
    if rights is None:
        return Client(headers={"host": "localhost"})
    options = {name: value for name, value in rights.items() if name != "groups"}  # type: ignore[attr-defined]
    return person("outsider", *rights.get("groups", ()), **options)  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", OUTSIDERS)
def test_outsiders_are_sent_to_the_login_whatever_they_ask_for(store: None, kind: str) -> None:
    client = outsider(kind)
    row = Object.objects.filter(resource="cpuflavors").first()
    assert row is not None
    for path in (*PAGES, f"/admin/workspaces/object/{row.pk}/change/"):
        answer = client.get(path)
        assert (answer.status_code, answer.headers.get("Location", "")[:14]) == (302, "/admin/login/?"), path
        assert b"cpuflavors" not in answer.content


@pytest.mark.parametrize("kind", OUTSIDERS)
def test_outsiders_change_nothing(store: None, kind: str) -> None:
    client = outsider(kind)
    row = Object.objects.get(resource="cpuflavors", name="small")
    before = get_user_model().objects.count()
    for path, data in (
        (f"/admin/workspaces/object/{row.pk}/change/", {"yaml": "spec: {cores: 99}"}),
        ("/admin/workspaces/token/add/", {"user": "intruder"}),
        (f"/admin/cachedresources/{CLOUD}/cpuflavors-v1/", {"action": "repair"}),
    ):
        assert client.post(path, data).status_code == 302, path
    assert Object.objects.get(pk=row.pk).revision == row.revision
    assert get_user_model().objects.count() == before


def test_operators_see_every_page(operator: Client) -> None:
    for path in PAGES:
        answer = operator.get(path, follow=True)
        assert answer.status_code == 200, path
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"], path
        assert b"<style" not in answer.content and b" style=" not in answer.content, path
        assert b"onclick" not in answer.content, path


def test_operators_who_leave_the_group_are_out_at_once(operator: Client) -> None:
    get_user_model().objects.get(username="operator").groups.clear()
    assert operator.get("/admin/").status_code == 302


def test_rows_of_the_store_have_no_add_and_no_delete(operator: Client) -> None:
    row = Object.objects.get(resource="cpuflavors", name="small")
    for path in (
        "/admin/workspaces/object/add/",
        f"/admin/workspaces/object/{row.pk}/delete/",
        "/admin/workspaces/workspace/add/",
        f"/admin/workspaces/workspace/{CLOUD}/delete/",
    ):
        assert operator.post(path, {"post": "yes"}).status_code == 403, path
    assert Object.objects.filter(pk=row.pk).exists()


def test_requests_need_the_csrf_token(operator: Client) -> None:
    strict = Client(enforce_csrf_checks=True, headers={"host": "localhost"})
    strict.force_login(get_user_model().objects.get(username="operator"))
    answer = strict.post(f"/admin/cachedresources/{CLOUD}/cpuflavors-v1/", {"action": "repair"})
    assert answer.status_code == 403
