"""Secrets and identity keys are on no page, in no list, no search, no history and no error."""

from __future__ import annotations

import base64
import json

import pytest
from django.test import Client

from tests.unit.replication.provider import CLOUD
from workspaces.models import Object
from workspaces.registry import client as registry

SECRET = "hunter2-is-not-a-good-one"
ENCODED = base64.b64encode(SECRET.encode()).decode()


@pytest.fixture
def secret(operator: Client) -> Object:
    """A Secret that was applied, so that an annotation repeats it, and then changed."""
    applied = json.dumps({"stringData": {"password": SECRET}})
    annotations = {"kubectl.kubernetes.io/last-applied-configuration": applied}
    metadata = {"name": "login", "labels": {"app": "shop"}, "annotations": annotations}
    registry.create(
        CLOUD, "", "secrets", {"metadata": metadata, "stringData": {"password": SECRET}}, "default"
    )

    def changed(obj: dict[str, object]) -> dict[str, object]:
        return {**obj, "stringData": {"other": SECRET}}

    registry.update(CLOUD, "", "secrets", "login", changed, "default")
    return Object.objects.get(resource="secrets", name="login")


def is_hidden(content: bytes) -> bool:
    """Whether neither the value nor its key can be read, plainly or in base64."""
    text = content.decode()
    return not any(part in text for part in (SECRET, ENCODED, ENCODED[:20], "hunter2"))


def test_the_page_of_a_secret_shows_its_name_and_labels_only(operator: Client, secret: Object) -> None:
    answer = operator.get(f"/admin/workspaces/object/{secret.pk}/change/")
    assert answer.status_code == 200
    assert is_hidden(answer.content)
    assert b"password" not in answer.content.replace(b"password_change", b"").replace(b"Change password", b"")
    assert b"<textarea" not in answer.content
    assert b"app=shop" in answer.content
    assert b"Changed at revision" in answer.content


@pytest.mark.parametrize(
    "query",
    ["", "?kind=secrets", "?q=login", "?label=app%3Dshop", f"?q={SECRET}", f"?workspace=root:{CLOUD}"],
)
def test_no_list_and_no_search_shows_it(operator: Client, secret: Object, query: str) -> None:
    answer = operator.get(f"/admin/workspaces/object/{query}")
    assert answer.status_code == 200
    assert is_hidden(answer.content.replace(SECRET.encode(), b"") if SECRET in query else answer.content)
    assert (b">login " in answer.content) == (SECRET not in query)


def test_it_is_not_searched_through(operator: Client, secret: Object) -> None:
    for text in ("hunter2", ENCODED[:12]):
        answer = operator.get("/admin/workspaces/object/", {"q": text})
        assert b"0 objects" in answer.content


def test_it_cannot_be_edited_and_the_refusal_repeats_nothing(operator: Client, secret: Object) -> None:
    answer = operator.post(
        f"/admin/workspaces/object/{secret.pk}/change/",
        {"yaml": f"data: {{password: {ENCODED}}}"},
        follow=True,
    )
    assert is_hidden(answer.content)
    assert b"Nothing was written" in answer.content
    assert Object.objects.get(pk=secret.pk).revision == secret.revision


def test_the_history_of_a_secret_is_its_page(operator: Client, secret: Object) -> None:
    answer = operator.get(f"/admin/workspaces/object/{secret.pk}/history/", follow=True)
    assert answer.status_code == 200 and is_hidden(answer.content)


def test_identity_keys_are_on_no_page(operator: Client) -> None:
    made = registry.get(CLOUD, "", "secrets", "cpuflavors-v1", "kcp-system")
    assert made is not None
    key = made["data"]["key"]
    plain = base64.b64decode(key).decode("latin-1")
    row = Object.objects.get(cluster=CLOUD, resource="secrets", name="cpuflavors-v1")
    shown = Object.objects.get(cluster=CLOUD, resource="cachedresources")
    for path in (
        "/admin/",
        f"/admin/cachedresources/{CLOUD}/cpuflavors-v1/",
        f"/admin/workspaces/object/{row.pk}/change/",
        f"/admin/workspaces/object/{shown.pk}/change/",
        f"/admin/workspaces/workspace/{CLOUD}/change/",
    ):
        content = operator.get(path).content.decode()
        assert key not in content and plain not in content, path
