"""The list of objects, its filters, and editing as YAML."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.unit.replication import provider
from tests.unit.replication.provider import CLOUD, GROUP
from workspaces.models import Change, Object
from workspaces.registry import client as registry

KIND = f"cpuflavors.{GROUP}"


def names(client: Client, **query: str) -> list[str]:
    """The names on the first page of the list."""
    answer = client.get("/admin/workspaces/object/", query)
    assert answer.status_code == 200
    return [row.name for row in answer.context_data["cl"].result_list]  # type: ignore[attr-defined]


def page(name: str) -> str:
    """The page of a flavour."""
    return f"/admin/workspaces/object/{Object.objects.get(resource='cpuflavors', name=name).pk}/change/"


def shown_yaml(client: Client, name: str) -> Any:
    """What the form offers to edit."""
    return yaml.safe_load(client.get(page(name)).context_data["text"])  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("selector", "found"),
    [
        ("tier=gold", ["small"]),
        ("tier!=gold", ["large"]),
        ("tier in (gold,silver)", ["large", "small"]),
        ("tier,!old", ["small"]),
        ("tier notin (gold)", ["large"]),
        ("ier=gold", []),
        ("tier=GOLD", []),
    ],
)
def test_labels_filter_as_kubectl_does(operator: Client, selector: str, found: list[str]) -> None:
    assert names(operator, kind=KIND, label=selector) == found


def test_workspace_kind_and_search_filter_together(operator: Client) -> None:
    assert names(operator, kind=KIND) == ["large", "small"]
    assert names(operator, kind=KIND, workspace=f"root:{CLOUD}", q="sma") == ["small"]
    assert names(operator, kind=KIND, workspace=CLOUD) == ["large", "small"]
    assert names(operator, kind=KIND, workspace="root:alice0") == []


def test_a_filter_that_cannot_be_read_says_so_and_shows_nothing(operator: Client) -> None:
    for query in ({"label": "a=b=c"}, {"workspace": "root:nowhere"}, {"label": "cores>1"}):
        answer = operator.get("/admin/workspaces/object/", query)
        assert answer.status_code == 200
        assert len(answer.context_data["cl"].result_list) == 0  # type: ignore[attr-defined]
        assert b"messagelist" in answer.content


def test_a_page_takes_as_many_statements_for_100_rows_as_for_few(operator: Client) -> None:
    operator.get("/admin/workspaces/object/")  # remembers content types
    with CaptureQueriesContext(connection) as few:
        operator.get("/admin/workspaces/object/", {"kind": KIND})
    provider.create_flavors(*(f"flavour-{number}" for number in range(120)))
    with CaptureQueriesContext(connection) as many:
        answer = operator.get("/admin/workspaces/object/", {"kind": KIND})
    assert len(answer.context_data["cl"].result_list) == 100  # type: ignore[attr-defined]
    assert len(many) == len(few) <= 12
    assert not any('"body"' in query["sql"] for query in many)  # bodies are not read for a list


def test_an_edit_is_a_change_like_any_other(operator: Client) -> None:
    obj = shown_yaml(operator, "small")
    assert "managedFields" not in obj["metadata"]
    obj["spec"]["cores"] = 7
    answer = operator.post(page("small"), {"yaml": yaml.safe_dump(obj)}, follow=True)
    assert b"was saved" in answer.content
    stored = registry.get(CLOUD, GROUP, "cpuflavors", "small")
    assert stored is not None and stored["spec"]["cores"] == 7
    assert stored["metadata"]["generation"] == obj["metadata"]["generation"] + 1
    managers = {entry["manager"] for entry in stored["metadata"]["managedFields"]}
    assert "kcpcache-admin" in managers
    newest = Change.objects.order_by("-revision").first()
    assert newest is not None and (newest.name, newest.kind) == ("small", "M")
    assert b"by kcpcache-admin" in answer.content and b"kc-added" in answer.content


def test_an_edit_that_changes_nothing_writes_nothing(operator: Client) -> None:
    before = Change.objects.count()
    text = operator.get(page("small")).context_data["text"]  # type: ignore[attr-defined]
    answer = operator.post(page("small"), {"yaml": text.replace("\n", "\r\n")}, follow=True)
    assert b"was saved" in answer.content
    assert Change.objects.count() == before


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"spec": {"cores": "many"}}, "spec.cores"),
        ({"spec": {"cores": 1, "colour": "red"}}, "unknown field"),
        ({"kind": "MemFlavor"}, "MemFlavor"),
        ({"metadata": {"name": "other"}}, "other"),
    ],
)
def test_a_wrong_edit_is_told_at_the_form_and_writes_nothing(
    operator: Client, change: dict[str, Any], told: str
) -> None:
    before = Change.objects.count()
    text = yaml.safe_dump({**shown_yaml(operator, "small"), **change})
    answer = operator.post(page("small"), {"yaml": text})
    assert answer.status_code == 422
    assert told in answer.content.decode() and "Nothing was written" in answer.content.decode()
    assert answer.context_data["text"] == text  # type: ignore[attr-defined] # what was typed is still there
    assert Change.objects.count() == before


def test_text_that_is_no_yaml_is_told_at_the_form(operator: Client) -> None:
    answer = operator.post(page("small"), {"yaml": "{unclosed: ["})
    assert answer.status_code == 422 and b"Nothing was written" in answer.content


def test_an_edit_of_something_that_changed_meanwhile_is_refused(operator: Client) -> None:
    obj = shown_yaml(operator, "small")

    def changed(present: dict[str, Any]) -> dict[str, Any]:
        return {**present, "spec": {"cores": 3}}

    registry.update(CLOUD, GROUP, "cpuflavors", "small", changed)
    obj["spec"]["cores"] = 7
    answer = operator.post(page("small"), {"yaml": yaml.safe_dump(obj)})
    assert answer.status_code == 422 and b"has been modified" in answer.content
    stored = registry.get(CLOUD, GROUP, "cpuflavors", "small")
    assert stored is not None and stored["spec"]["cores"] == 3


def test_what_is_no_longer_served_is_read_only(operator: Client) -> None:
    address = page("small")
    Object.objects.filter(resource="customresourcedefinitions").delete()
    registry.create(CLOUD, "apiextensions.k8s.io", "customresourcedefinitions", provider.crd("memflavors"))
    answer = operator.get(address)
    assert b"Read-only" in answer.content and b"<textarea" not in answer.content


def test_names_in_a_page_are_escaped(operator: Client) -> None:
    answer = operator.get("/admin/workspaces/object/", {"q": "<script>alert(1)</script>", "label": "<b>"})
    assert b"<script>alert" not in answer.content and b"<b>" not in answer.content


def test_workspaces_come_in_the_order_of_the_tree(operator: Client) -> None:
    from workspaces.store import tenants

    for path, parent in (("root:a", "root"), ("root:a-b", "root"), ("root:a:z", "c-root-a")):
        tenants.add(f"c-{path.replace(':', '-')}", path, parent=parent, name=path.rpartition(":")[2])
    answer = operator.get("/admin/workspaces/workspace/", {"q": "root:a"})
    paths = [row.path for row in answer.context_data["cl"].result_list]  # type: ignore[attr-defined]
    assert paths[:3] == ["root:a", "root:a:z", "root:a-b"]


def test_a_page_of_workspaces_takes_few_statements(operator: Client) -> None:
    operator.get("/admin/workspaces/workspace/")
    with CaptureQueriesContext(connection) as queries:
        operator.get("/admin/workspaces/workspace/")
    assert len(queries) <= 8
