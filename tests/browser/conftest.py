"""A running service of its own, a catalogue in it, and a browser in which the operator is logged in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests import servers
from tests.browser import chromium
from tests.browser.chromium import Browser
from tests.e2e import catalogue
from tests.e2e.catalogue import Provider, Workspace
from tests.servers import Server

# Without a browser these tests are left out, which is said in one line at the end.
collect_ignore_glob = [] if chromium.binaries() else ["test_*.py"]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """See above."""
    if collect_ignore_glob:
        terminalreporter.write_line(
            "The browser tests were left out: there is no browser (apt-get install chromium chromium-driver)."
        )


USER, PASSWORD = "kcp-admin", "a-password-of-tests"


@pytest.fixture(scope="package")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The whole service; its workers are stopped now and then, so nobody else uses it."""
    environment = {"KCPCACHE_ADMIN_PASSWORD": PASSWORD, "KCPCACHE_WORKER_CONCURRENCY": "1"}
    with servers.running(tmp_path_factory.mktemp("browser") / "data", **environment) as running:
        yield running


@pytest.fixture(scope="package")
def provider(service: Server) -> Provider:
    """A workspace that publishes three flavours."""
    return catalogue.publish(service, "cloud")


@pytest.fixture(scope="package")
def consumer(provider: Provider) -> Workspace:
    """A workspace that consumes them."""
    return provider.consumer("alice")


@pytest.fixture(scope="package")
def window(service: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One browser for all tests: starting it takes longer than most of them."""
    with chromium.running(service, tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture
def browser(window: Browser, consumer: Workspace) -> Iterator[Browser]:
    """It, with the operator logged in, and nothing in the console that anybody complained about."""
    window.login(USER, PASSWORD)
    window.complaints()
    window.look()
    yield window
    assert window.complaints() == []
