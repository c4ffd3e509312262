"""Which objects a CachedResource publishes, as labels and selectors change."""

from __future__ import annotations

import json

import pytest

from tests.e2e import catalogue
from tests.e2e.catalogue import CACHED, FLAVOURS, Provider, flavour
from tests.servers import Server
from tests.waiting import until

pytestmark = pytest.mark.e2e

VISIBILITY = "cloud.example.com/visibility"
PUBLIC = {VISIBILITY: "Public"}
RESOURCE = f"{CACHED}/cpuflavors-v1"


@pytest.fixture
def provider(server: Server) -> Provider:
    """Publishes what is labelled Public: pub-1, pub-2 of three."""
    cloud = catalogue.with_flavours(server, "selecting", count=0)
    for name, labels in (("pub-1", PUBLIC), ("pub-2", PUBLIC), ("internal", {VISIBILITY: "Internal"})):
        cloud.create(FLAVOURS, flavour(name, 2, **labels))
    identity = catalogue.replicate(cloud, labelSelector=dict(PUBLIC))
    catalogue.export(cloud, identity)
    return Provider(cloud, identity)


def test_short_form_selects_and_is_shown_in_the_proper_form(provider: Provider) -> None:
    assert provider.workspace.get(RESOURCE)["spec"]["labelSelector"] == {"matchLabels": PUBLIC}
    catalogue.until_counts(provider.workspace, local=2, cache=2)
    assert provider.consumer().names(FLAVOURS) == ["pub-1", "pub-2"]


def test_applying_the_short_form_again_changes_nothing(provider: Provider) -> None:
    cloud = provider.workspace
    manifest = json.dumps(catalogue.cached_resource(labelSelector=PUBLIC))
    cloud.kubectl("apply", "-f", "-", input=manifest)
    before = cloud.get(RESOURCE)["metadata"]["generation"]
    cloud.kubectl("apply", "-f", "-", input=manifest)
    assert cloud.get(RESOURCE)["metadata"]["generation"] == before


def test_key_removed_from_an_applied_short_form_is_removed(provider: Provider) -> None:
    cloud = provider.workspace
    for selector in ({**PUBLIC, "tier": "gold"}, PUBLIC):
        cloud.kubectl("apply", "-f", "-", input=json.dumps(catalogue.cached_resource(labelSelector=selector)))
        assert cloud.get(RESOURCE)["spec"]["labelSelector"] == {"matchLabels": selector}


def test_label_that_stops_matching_withdraws_the_object(provider: Provider) -> None:
    alice, cloud = provider.consumer(), provider.workspace
    with alice.api.watch(alice.url(FLAVOURS)) as events:
        catalogue.until_added(events, "pub-1", "pub-2")
        cloud.kubectl("label", "cpuflavor", "pub-1", f"{VISIBILITY}-")
        events.wait_for("DELETED", "pub-1")
        cloud.kubectl("label", "cpuflavor", "internal", f"{VISIBILITY}=Public", "--overwrite")
        events.wait_for("ADDED", "internal")
    assert alice.names(FLAVOURS) == ["internal", "pub-2"]
    catalogue.until_counts(cloud, local=2, cache=2)


def test_edited_selector_takes_effect_for_lists_and_watches(provider: Provider) -> None:
    alice, cloud = provider.consumer(), provider.workspace
    expression = {"key": VISIBILITY, "operator": "In", "values": ["Internal"]}
    with alice.api.watch(alice.url(FLAVOURS)) as events:
        catalogue.until_added(events, "pub-1", "pub-2")
        cloud.merge(
            RESOURCE, {"spec": {"labelSelector": {"matchLabels": None, "matchExpressions": [expression]}}}
        )
        events.wait_for("ADDED", "internal")
        events.wait_for("DELETED", "pub-1")
        events.wait_for("DELETED", "pub-2")
    assert alice.names(FLAVOURS) == ["internal"]
    catalogue.until_counts(cloud, local=1, cache=1)


def test_watch_resumes_across_a_selector_edit(provider: Provider) -> None:
    alice, cloud = provider.consumer(), provider.workspace
    version = alice.get(FLAVOURS)["metadata"]["resourceVersion"]
    cloud.merge(RESOURCE, {"spec": {"labelSelector": None}})
    until(lambda: len(alice.names(FLAVOURS)) == 3)
    with alice.api.watch(alice.url(FLAVOURS), resourceVersion=version) as events:
        added = events.wait_for("ADDED", "internal")
        assert int(added["object"]["metadata"]["resourceVersion"]) > int(version)
        assert events.seen() == [("ADDED", "internal")]


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ({"operator": "In", "values": ["Public", "Internal"]}, ["internal", "pub-1", "pub-2"]),
        ({"operator": "NotIn", "values": ["Internal"]}, ["bare", "pub-1", "pub-2"]),
        ({"operator": "Exists"}, ["internal", "pub-1", "pub-2"]),
        ({"operator": "DoesNotExist"}, ["bare"]),
    ],
    ids=["In", "NotIn", "Exists", "DoesNotExist"],
)
def test_every_operator(provider: Provider, expression: dict[str, object], names: list[str]) -> None:
    alice, cloud = provider.consumer(), provider.workspace
    cloud.create(FLAVOURS, flavour("bare"))
    selector = {"matchLabels": None, "matchExpressions": [{"key": VISIBILITY, **expression}]}
    cloud.merge(RESOURCE, {"spec": {"labelSelector": selector}})
    alice.until_names(FLAVOURS, *names)


def test_misspelt_selector_is_refused_and_selects_nothing_more(provider: Provider) -> None:
    cloud = provider.workspace
    for wrong in ({"matchLabel": PUBLIC}, {"matchExpressions": [{"key": "a", "operator": "Is"}]}):
        answer = cloud.api.request(
            "PATCH",
            cloud.url(RESOURCE) + "?fieldValidation=Strict",
            {"spec": {"labelSelector": wrong}},
            content_type="application/merge-patch+json",
        )
        assert answer.status in (400, 422), answer.content
    assert cloud.get(RESOURCE)["spec"]["labelSelector"] == {"matchLabels": PUBLIC}
