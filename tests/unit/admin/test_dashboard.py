"""The first page, the pages of CachedResources, and what their buttons do."""

from __future__ import annotations

import html
import re
import time

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext

from replication import actions, rows, sampling
from replication.admin import attention, dashboard, plot
from replication.insight.check import Check
from replication.insight.troubles import Subject, Trouble
from replication.replica import connection, keys, meta, presence, samples
from replication.replica.presence import Sign
from replication.replica.samples import Sample
from tests.unit.insight import installation
from tests.unit.replication import provider
from tests.unit.replication.provider import ALICE, CLOUD
from workspaces import hints
from workspaces.models import Object, Workspace
from workspaces.registry import client
from workspaces.store import work

PAGE = f"/admin/cachedresources/{CLOUD}/cpuflavors-v1/"


@pytest.fixture
def worker(store: None) -> None:
    """A worker that has just left a sign of life."""
    sign = Sign("celery@here", 1, ["controllers", "default", "replication"], 1, "", 0.0, time.time())
    presence.leave(connection.client(), sign)
    presence.tick(connection.client())


def text(client: Client, path: str = "/admin/") -> str:
    """A page, read anew."""
    dashboard.forget()
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_first_page_says_that_all_is_well(operator: Client, worker: None) -> None:
    provider.export(identity_hash=str(provider.status()["identityHash"]))
    provider.bind(ALICE)
    shown = text(operator)
    assert "All is well" in shown and "Needs attention" not in shown
    assert "cpuflavors-v1" in shown and f"root:{ALICE}" in shown
    assert "celery@here" in shown and "<svg" in shown


def test_the_fragment_is_the_same_without_the_frame(operator: Client, worker: None) -> None:
    shown = text(operator, "/admin/status/")
    assert "All is well" in shown and "<html" not in shown


def test_its_statements_do_not_grow_with_the_objects(operator: Client, worker: None) -> None:
    text(operator)
    with CaptureQueriesContext(database) as few:
        text(operator)
    provider.create_flavors(*(f"more-{number}" for number in range(40)))
    provider.work_off()
    with CaptureQueriesContext(database) as many:
        text(operator)
    assert len(many) == len(few)


def test_who_looks_at_once_makes_it_read_once(operator: Client, worker: None) -> None:
    text(operator)
    with CaptureQueriesContext(database) as first:
        text(operator)
    with CaptureQueriesContext(database) as second:
        operator.get("/admin/status/")
    assert len(second) < len(first) / 2


def test_without_redis_the_pages_still_answer(operator: Client, worker: None, settings: object) -> None:
    connection.forget()
    settings.KCPCACHE_REDIS_URL = "unix:///nowhere/redis.sock?db=0"  # type: ignore[attr-defined]
    try:
        assert "Redis" in text(operator) and "attention" in text(operator)
        assert "RedisUnreachable" in text(operator, PAGE)
        answer = operator.post(PAGE, {"action": "verify"}, follow=True)
        assert "Redis does not answer" in answer.content.decode()
    finally:
        connection.forget()


def test_verify_shows_what_differs_and_repair_makes_it_right(
    operator: Client, worker: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "_VERIFY_SECONDS", 0.2)
    monkeypatch.setattr(hints, "publish", lambda *_, **__: None)
    source = rows.all_sources()[0]
    present = meta.read(connection.client(), source.family)
    assert present is not None
    connection.client().hset(source.family.objects(present.epoch), "small", b'{"forged":\0true}')
    answer = operator.post(PAGE, {"action": "verify"})
    assert "<li>small: it is not an object</li>" in answer.content.decode()
    operator.post(PAGE, {"action": "repair"})
    provider.work_off()
    assert "equal to their sources" in operator.post(PAGE, {"action": "verify"}).content.decode()


def test_resync_notes_work_for_a_worker(
    operator: Client, worker: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hints, "publish", lambda *_, **__: None)
    answer = operator.post(PAGE, {"action": "resync"}, follow=True)
    assert "A worker was asked" in answer.content.decode()
    assert [(item.controller, item.cluster, item.name) for item in work.due(5)] == [
        ("cachedresource", CLOUD, "cpuflavors-v1")
    ]


def test_an_action_without_a_worker_says_that_it_waits(
    operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hints, "publish", lambda *_, **__: None)
    answer = operator.post(PAGE, {"action": "repair"}, follow=True)
    assert "None is at work" in answer.content.decode()


def test_actions_of_the_list_are_for_the_chosen_ones(
    operator: Client, worker: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(actions, "repair", asked.append)
    uid = rows.all_sources()[0].uid
    operator.post("/admin/cachedresources/", {"action": "repair", "chosen": [uid, "no-such-uid"]})
    assert asked == [uid]
    answer = operator.post("/admin/cachedresources/", {"action": "repair"}, follow=True)
    assert "Choose CachedResources" in answer.content.decode() and asked == [uid]


@pytest.mark.parametrize(
    ("query", "is_found"),
    [
        ({}, True),
        ({"q": "cpufl", "phase": "Ready", "state": "well"}, True),
        ({"workspace": f"root:{CLOUD}"}, True),
        ({"workspace": f"root:{ALICE}"}, False),
        ({"phase": "Deleting"}, False),
        ({"state": "wrong"}, False),
        ({"label": "tier=gold"}, False),
        ({"label": "a=b=c"}, False),
    ],
)
def test_the_list_filters(operator: Client, worker: None, query: dict[str, str], is_found: bool) -> None:
    answer = operator.get("/admin/cachedresources/", query)
    assert (answer.context_data["rows"].paginator.count == 1) == is_found  # type: ignore[attr-defined]


def test_samples_are_left_at_most_every_few_seconds_and_only_for_an_hour(store: None) -> None:
    client = connection.client()
    sampling.keep()
    sampling.keep()
    (first,) = samples.read(client)
    assert first.changes == 0
    samples.leave(client, Sample(time.time() - 4000, 1.0, 1))
    assert samples.read(client) == [first]
    for _ in range(300):
        samples.leave(client, Sample(time.time(), 0.0, 0))
    assert client.llen(keys.samples("root")) <= 241
    assert 0 < client.ttl(keys.samples("root")) <= 3600


def test_the_plot_breaks_where_nobody_took_samples() -> None:
    now = 10_000.0
    taken = [Sample(now - 600 + 15 * n, 0.1, 1) for n in range(10)] + [Sample(now, 30.0, 5)]
    drawn = plot.draw(taken, now)
    assert len(drawn.lines) == 2 and len(drawn.gaps) == 1
    assert drawn.rows[-1].text == "50 s"
    assert "highest of the last hour was 30 s" in drawn.summary


def test_the_plot_of_nothing_is_an_empty_frame() -> None:
    drawn = plot.draw([], 10_000.0)
    assert (drawn.lines, drawn.gaps) == ([], []) and "no samples" in drawn.summary


def test_the_same_trouble_is_told_once_and_the_system_comes_first(operator: Client, store: None) -> None:
    dashboard.forget()
    from replication.insight import health

    found = health.all()
    assert {problem.reason for each in found for problem in each.problems} == {"NoWorker"}
    trouble = Check("workers", False, "No worker is at work.", "Start one.")
    (item,) = attention.items(found, [trouble, Check("beat", True, "fine")])
    assert (item.title, item.what_to_do) == ("Workers", "Start one.")
    assert [each.name for each in item.affected] == ["cpuflavors-v1"]


def test_consumers_that_are_not_ready_need_attention(operator: Client, worker: None) -> None:
    provider.export(identity_hash=str(provider.status()["identityHash"]))
    provider.bind(ALICE)
    assert "All is well" in text(operator)
    client.delete(CLOUD, "apis.kcp.io", "apiexports", "compute")
    provider.work_off()
    shown = text(operator)
    assert "All is well" not in shown and "1 thing needs attention" in shown
    assert "APIExportNotFound" in shown and "<b>What to do:</b> Create the APIExport" in shown
    (link,) = re.findall(r'<p class="kc-affected"><a href="([^"]+)">compute</a>', shown)
    assert f"in root:{ALICE}</span>" in shown
    assert operator.get(html.unescape(link), follow=True).status_code == 200


def test_controller_that_fails_again_and_again_needs_attention(operator: Client, worker: None) -> None:
    installation.fail("apiexport", "<compute>", 3)
    shown = text(operator)
    assert "All is well" not in shown and "ReconcileFailed" in shown
    assert "The controller apiexport failed 3 times at &lt;compute&gt;: ValueError: no wonder." in shown
    (link,) = re.findall(r'<p class="kc-affected"><a href="([^"]+)">&lt;compute&gt;</a>', shown)
    assert operator.get(link).status_code == 200


def test_what_is_not_named_is_counted_with_a_link_to_the_list() -> None:
    subjects = [Subject(f"c{number}", f"root:c{number}", "b") for number in range(5)]
    (item,) = attention.items([], [], [Trouble("binding", "NamingConflicts", "m", "d", 9_000, subjects)])
    assert (len(item.affected), item.more) == (5, 8_995)
    assert item.more_url == "/admin/consumers/?state=wrong"
    (item,) = attention.items([], [], [Trouble("crd", "ReconcileFailed", "m", "d", 6, subjects)])
    assert (item.more, item.more_url) == (1, "")


def test_its_statements_do_not_grow_with_the_consumers(operator: Client, worker: None) -> None:
    provider.export(identity_hash=str(provider.status()["identityHash"]))
    provider.bind(ALICE)
    text(operator)
    with CaptureQueriesContext(database) as few:
        text(operator)
    bound = Object.objects.get(cluster=ALICE, resource="apibindings")
    body = bytes(bound.body).replace(b'"status":"True"', b'"status":"False"')
    assert body != bytes(bound.body)
    clusters = [f"c{number}" for number in range(700)]
    root = Workspace.objects.get(path="root")
    Workspace.objects.bulk_create(
        Workspace(cluster=each, path=f"root:{each}", parent=root, name=each) for each in clusters
    )
    Object.objects.bulk_create(
        Object(
            cluster=each, group=bound.group, resource=bound.resource, name="compute", uid=each, revision=1, body=body
        )
        for each in clusters
    )  # fmt: skip
    shown = text(operator)  # reads their bodies, once
    assert "700 APIBindings are not ready" in shown and "695 more" in shown
    assert "bindings, 700 not ready" in shown
    with CaptureQueriesContext(database) as many:
        text(operator)
    assert len(many) == len(few)
