"""A watch does not care which web process a change went through, nor where it was begun."""

from __future__ import annotations

import pytest

from tests.e2e import catalogue
from tests.e2e.catalogue import FLAVOURS, Workspace, flavour
from tests.topology.deployment import Deployment
from tests.topology.watching import at, until_events, version

pytestmark = pytest.mark.e2e

WRITES = 20


@pytest.fixture(scope="module")
def places(deployment: Deployment) -> dict[str, Workspace]:
    """Where flavours can be watched: as objects of the provider, as the replica at a consumer."""
    provider = catalogue.publish(deployment.a, count=1)
    return {"objects": provider.workspace, "replica": provider.consumer()}


@pytest.mark.parametrize("place", ["objects", "replica"])
def test_watch_at_one_process_sees_changes_through_the_other_and_resumes_there(
    deployment: Deployment, places: dict[str, Workspace], place: str
) -> None:
    a, b = (at(places[place], web) for web in deployment.webs)
    cloud = at(places["objects"], deployment.b)
    start = version(a.get(FLAVOURS))
    with a.api.watch(a.url(FLAVOURS), resourceVersion=start) as events:
        for number in range(WRITES // 2):
            cloud.create(FLAVOURS, flavour(f"{place}-{number}"))
            cloud.merge(f"{FLAVOURS}/{place}-{number}", {"spec": {"cores": number + 10}})
        seen = until_events(events, WRITES)
    assert [event["type"] for event in seen] == ["ADDED", "MODIFIED"] * (WRITES // 2)
    revisions = [int(version(event)) for event in seen]
    assert revisions == sorted(set(revisions))
    for position, event in enumerate(seen):
        rest = seen[position + 1 :]
        with b.api.watch(b.url(FLAVOURS), resourceVersion=version(event), timeoutSeconds="20") as resumed:
            assert until_events(resumed, len(rest)) == rest


@pytest.mark.parametrize("place", ["objects", "replica"])
def test_watch_resumes_at_the_other_process_from_a_bookmark(
    deployment: Deployment, places: dict[str, Workspace], place: str
) -> None:
    a, b = (at(places[place], web) for web in deployment.webs)
    cloud = at(places["objects"], deployment.a)
    parameters = {
        "sendInitialEvents": "true",
        "allowWatchBookmarks": "true",
        "resourceVersionMatch": "NotOlderThan",
    }
    present = cloud.names(FLAVOURS)
    b.until_names(FLAVOURS, *present)  # what came before is replicated
    count = len(present)
    with a.api.watch(a.url(FLAVOURS), **parameters) as events:
        bookmark = until_events(events, count + 1)[count]
    assert bookmark["type"] == "BOOKMARK"
    cloud.create(FLAVOURS, flavour(f"after-bookmark-{place}"))
    with b.api.watch(b.url(FLAVOURS), resourceVersion=version(bookmark)) as resumed:
        (event,) = until_events(resumed, 1)
    assert (event["type"], event["object"]["metadata"]["name"]) == ("ADDED", f"after-bookmark-{place}")
