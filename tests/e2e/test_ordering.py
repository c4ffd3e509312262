"""Watches deliver every change once and in order, and resume anywhere."""

from __future__ import annotations

import pytest

from tests.e2e import catalogue
from tests.e2e.catalogue import FLAVOURS, flavour
from tests.servers import Server
from tests.waiting import until

pytestmark = pytest.mark.e2e

WRITES = 500


def test_consumer_gets_each_of_500_rapid_writes_once_and_in_order(server: Server) -> None:
    provider = catalogue.publish(server, "rapid", count=5)
    cloud, alice = provider.workspace, provider.consumer()
    start = alice.get(FLAVOURS)["metadata"]["resourceVersion"]
    with alice.api.watch(alice.url(FLAVOURS), resourceVersion=start) as events:
        written = []
        for number in range(WRITES):
            name = f"cpu-{number % 5 + 1}"
            spec = {"cores": number + 2, "threads": 2}
            stored = cloud.merge(f"{FLAVOURS}/{name}", {"spec": spec})
            written.append((name, spec["cores"], stored["metadata"]["resourceVersion"]))
        until(lambda: len(events.all) >= WRITES, timeout_seconds=30, what="all events")
        seen = [
            (
                event["object"]["metadata"]["name"],
                event["object"]["spec"]["cores"],
                event["object"]["metadata"]["resourceVersion"],
            )
            for event in events.all
        ]
    assert seen == written
    assert {event["type"] for event in events.all} == {"MODIFIED"}
    middle = written[WRITES // 2][2]
    with alice.api.watch(alice.url(FLAVOURS), resourceVersion=middle) as resumed:
        until(lambda: len(resumed.all) >= WRITES - WRITES // 2 - 1, what="the rest")
        assert [event["object"]["metadata"]["resourceVersion"] for event in resumed.all] == [
            version for _, _, version in written[WRITES // 2 + 1 :]
        ]


def test_list_at_an_older_revision_is_as_it_was(server: Server) -> None:
    provider = catalogue.publish(server, "history")
    cloud, alice = provider.workspace, provider.consumer()
    before = alice.get(FLAVOURS)
    cloud.merge(f"{FLAVOURS}/cpu-1", {"spec": {"cores": 9}})
    cloud.delete(f"{FLAVOURS}/cpu-2")
    cloud.create(FLAVOURS, flavour("cpu-9"))
    alice.until_names(FLAVOURS, "cpu-1", "cpu-3", "cpu-9")
    version = before["metadata"]["resourceVersion"]
    again = alice.get(f"{FLAVOURS}?resourceVersion={version}&resourceVersionMatch=Exact")
    assert again["items"] == before["items"]


def test_pages_of_one_list_are_consistent(server: Server) -> None:
    provider = catalogue.publish(server, "pages", count=7)
    alice = provider.consumer()
    page = alice.get(f"{FLAVOURS}?limit=3")
    names = [item["metadata"]["name"] for item in page["items"]]
    assert page["metadata"]["remainingItemCount"] == 4
    provider.workspace.delete(f"{FLAVOURS}/cpu-7")
    alice.until_names(FLAVOURS, *(f"cpu-{number}" for number in range(1, 7)))
    while token := page["metadata"].get("continue"):
        page = alice.get(f"{FLAVOURS}?limit=3&continue={token}")
        names += [item["metadata"]["name"] for item in page["items"]]
    assert names == [f"cpu-{number}" for number in range(1, 8)]


def test_watch_list_ends_its_initial_events_with_a_bookmark(server: Server) -> None:
    alice = catalogue.publish(server, "watchlist").consumer()
    parameters = {
        "sendInitialEvents": "true",
        "allowWatchBookmarks": "true",
        "resourceVersionMatch": "NotOlderThan",
    }
    with alice.api.watch(alice.url(FLAVOURS), **parameters) as events:
        until(lambda: len(events.all) >= 4, what="three objects and a bookmark")
        assert [event["type"] for event in events.all] == ["ADDED", "ADDED", "ADDED", "BOOKMARK"]
        annotations = events.all[-1]["object"]["metadata"]["annotations"]
        assert annotations["k8s.io/initial-events-end"] == "true"


def test_list_of_the_future_times_out(server: Server) -> None:
    alice = catalogue.publish(server, "future").consumer()
    far = int(alice.get(FLAVOURS)["metadata"]["resourceVersion"]) + 1_000_000
    answer = alice.api.request("GET", alice.url(f"{FLAVOURS}?resourceVersion={far}"))
    assert (answer.status, answer.json["reason"]) == (504, "Timeout")
