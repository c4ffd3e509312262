"""A CachedResource that was broken on purpose is found from the first page, with what to do; done, it is well again."""

from __future__ import annotations

import socket

import pytest

from tests.browser.chromium import Browser
from tests.e2e import catalogue
from tests.e2e.catalogue import Provider, Workspace
from tests.servers import Server
from tests.waiting import until

WELL = "All is well"


@pytest.fixture
def broken(service: Server, browser: Browser) -> Workspace:
    """A workspace with flavours, for a CachedResource of one's own."""
    browser.open("/admin/")
    browser.until_text(WELL, timeout_seconds=40)
    return catalogue.with_flavours(service, "broken")


def find(browser: Browser, reason: str, what_to_do: str, *names: str) -> None:
    """From the first page: what is wrong, with what, what to do; and the same on the page behind the link."""
    browser.open("/admin/")
    browser.until_text("attention", reason, f"What to do: {what_to_do}", *names, timeout_seconds=40)
    browser.picture(f"trouble-{reason}")


def gone(browser: Browser) -> None:
    """It is well again, and nobody had to reload the page."""
    browser.open("/admin/")
    browser.until_text(WELL, timeout_seconds=60)


def remove(place: Workspace) -> None:
    """Delete the CachedResource, so that the next test begins well."""
    place.delete(f"{catalogue.CACHED}/cpuflavors-v1")
    until(lambda: place.names(catalogue.CACHED) == [], what="the CachedResource to be gone")


def test_a_missing_secret(browser: Browser, broken: Workspace) -> None:
    reference = {"secretRef": {"name": "our-key", "namespace": "default"}}
    broken.create(catalogue.CACHED, catalogue.cached_resource(identity=reference))
    find(browser, "IdentityGenerationFailed", "Create the Secret", broken.path, "default/our-key")
    browser.follow_at("//*[@class='kc-items']//a")
    browser.until_text("IdentityGenerationFailed", "Create the Secret")
    broken.create(
        "/api/v1/namespaces/default/secrets",
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "our-key"},
            "stringData": {"key": "4711"},
        },
    )
    gone(browser)
    remove(broken)


def test_a_missing_crd(browser: Browser, service: Server, broken: Workspace) -> None:
    empty = catalogue.workspace(service, "empty")
    empty.create(catalogue.CACHED, catalogue.cached_resource())
    find(browser, "ResourceNotFound", "Create the CustomResourceDefinition", empty.path)
    for crd in catalogue.documents("crds.yaml"):
        empty.create(catalogue.CRDS, crd)
    gone(browser)
    remove(empty)


def test_a_worker_that_was_stopped(browser: Browser, service: Server, provider: Provider) -> None:
    with service.paused("worker"):
        provider.workspace.merge(f"{catalogue.FLAVOURS}/cpu-1", {"metadata": {"labels": {"seen": "late"}}})
        find(browser, "Workers", "Start one: celery -A kcpcache worker", "cpuflavors-v1")
        browser.until_text(
            "Lagging", "1 change of the source did not reach the replica", "1 change on the way"
        )
        browser.picture("trouble-Lagging")
    gone(browser)


def test_a_redis_that_was_emptied(browser: Browser, service: Server, provider: Provider) -> None:
    with service.paused("worker"):
        empty_cache(service)
        find(browser, "ReplicaMissing", "A worker fills it within seconds by itself", "cpuflavors-v1")
        browser.until_text("No worker is at work", "Start one: celery -A kcpcache worker", "Not now")
    gone(browser)


def test_a_wrong_hash_in_the_export(browser: Browser, service: Server, provider: Provider) -> None:
    set_hash(provider, "0" * 64)
    find(
        browser,
        "IdentityHashMismatch",
        "Set identityHash in the APIExport to this CachedResource's status.identityHash",
        provider.identity,
    )
    set_hash(provider, provider.identity)
    gone(browser)


def test_consumers_that_cannot_bind(browser: Browser, service: Server, provider: Provider) -> None:
    places = [catalogue.workspace(service, f"bob{number}") for number in range(6)]
    (crd,) = (each for each in catalogue.documents("crds.yaml") if "cpuflavors" in each["metadata"]["name"])
    for place in places:
        place.create(catalogue.CRDS, crd)
        catalogue.bind(place, provider.workspace.path, wait=False)
    first, *_, last = sorted(place.path for place in places)
    find(
        browser,
        "NamingConflicts",
        "Remove the CustomResourceDefinition",
        "6 APIBindings are not ready",
        first,
    )
    assert last not in browser.find(".kc-items").text
    browser.follow("1 more")
    browser.until_text("NamingConflicts", last)
    browser.open("/admin/")
    browser.follow_at("//*[@class='kc-items']//a")
    browser.until_text("compute", "NamingConflicts")
    for place in places[1:]:
        place.delete(f"{catalogue.CRDS}/{crd['metadata']['name']}")
    browser.open("/admin/")
    browser.until_text("1 APIBinding is not ready", timeout_seconds=60)
    places[0].delete(f"{catalogue.CRDS}/{crd['metadata']['name']}")
    gone(browser)
    for place in places:
        place.delete(f"{catalogue.BINDINGS}/{place.names(catalogue.BINDINGS)[0]}")


def set_hash(provider: Provider, identity: str) -> None:
    """Have the export name this identity hash for its flavours."""
    address = f"{catalogue.EXPORTS}/{catalogue.EXPORT}"
    resources = provider.workspace.get(address)["spec"]["resources"]
    resources[1]["storage"]["virtual"]["identityHash"] = identity
    provider.workspace.merge(address, {"spec": {"resources": resources}})


def empty_cache(service: Server) -> None:
    """Empty the database of the cache, not the broker's beside it."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(service.data_dir / "redis" / "redis.sock"))
        connection.sendall(b"SELECT 0\r\nFLUSHDB\r\n")
        assert until(lambda: connection.recv(64).endswith(b"+OK\r\n"), what="the cache to be empty")
