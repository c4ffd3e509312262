"""Changing and repairing things in a real browser, and what clients see of it."""

from __future__ import annotations

from typing import Any

from tests.browser.chromium import Browser
from tests.e2e import catalogue
from tests.e2e.catalogue import Provider, Workspace
from tests.servers import Server
from tests.waiting import until


def edit(browser: Browser, provider: Provider, name: str, before: str, after: str) -> None:
    """Open a flavour from the list, put another text in the place of one, and save."""
    browser.open(
        f"/admin/workspaces/object/?kind=cpuflavors.{catalogue.GROUP}&workspace={provider.workspace.path}"
    )
    browser.follow(name)
    area = browser.find("#yaml")
    text = str(area.get_attribute("value"))
    assert before in text
    area.clear()
    area.send_keys(text.replace(before, after))
    browser.press("Save")


def flavour(place: Workspace, name: str) -> Any:
    """A flavour as the API of a workspace has it."""
    return place.get(f"{catalogue.FLAVOURS}/{name}")


def test_an_edit_reaches_the_consumers(browser: Browser, provider: Provider, consumer: Workspace) -> None:
    edit(browser, provider, "cpu-3", "cores: 3", "cores: 33")
    assert "was saved" in browser.text and "cores: 33" in browser.text
    assert flavour(provider.workspace, "cpu-3")["spec"]["cores"] == 33
    until(lambda: flavour(consumer, "cpu-3")["spec"]["cores"] == 33, what="the consumer to see it")


def test_an_invalid_edit_shows_the_error_and_writes_nothing(browser: Browser, provider: Provider) -> None:
    before = flavour(provider.workspace, "cpu-1")
    edit(browser, provider, "cpu-1", "cores: 1", "cores: many")
    assert "Nothing was written" in browser.text and "spec.cores" in browser.text
    assert "cores: many" in str(browser.find("#yaml").get_attribute("value"))
    browser.picture("invalid-edit")
    assert flavour(provider.workspace, "cpu-1") == before
    # The browser notes every answer of 4xx.
    (complaint,) = browser.complaints()
    assert "422" in complaint


def test_an_action_repairs_a_replica_that_was_tampered_with(
    browser: Browser, service: Server, provider: Provider, consumer: Workspace
) -> None:
    from replication.replica import connection

    socket_path = service.data_dir / "redis" / "redis.sock"
    cache = connection.connect(f"unix://{socket_path}?db=0", timeout_seconds=5)

    def stored() -> str:
        (key,) = cache.keys(f"kcpcache:{{*/{provider.workspace.cluster}/*:objects")
        return str(key.decode())

    def is_found() -> bool:
        # Anew each time: an audit that was under way already may have repaired it.
        cache.hset(stored(), "cpu-2", genuine.replace(b'"cores":2', b'"cores":9'))
        browser.press("Verify")
        return "cpu-2: it is not what the source says" in browser.text

    genuine = cache.hget(stored(), "cpu-2")
    with service.paused("beat"):  # its audits would repair it as well
        browser.open("/admin/")
        browser.follow("cpuflavors-v1")
        until(is_found, what="the difference to be found")
        browser.picture("tampered")
        browser.press("Repair")
        assert "A worker was asked" in browser.text
        until(lambda: repaired(browser), what="the repair")
    assert cache.hget(stored(), "cpu-2") == genuine
    assert flavour(consumer, "cpu-2")["spec"]["cores"] == 2


def repaired(browser: Browser) -> bool:
    """Whether all objects equal their sources now."""
    browser.press("Verify")
    return "equal to their sources" in browser.text
