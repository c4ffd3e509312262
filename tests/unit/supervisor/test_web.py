"""`manage.py web`: where it refuses to serve."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from supervisor import webserver


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What would be served, instead of serving it until the end of the tests."""
    calls: list[Any] = []
    monkeypatch.setattr(webserver, "serve", lambda host, port, *, tls: calls.append((host, port, tls)))
    return calls


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "cache.example.com"])
def test_plain_http_on_a_public_address_is_refused(served: list[Any], host: str) -> None:
    with pytest.raises(CommandError, match="KCPCACHE_BEHIND_TLS_PROXY=yes"):
        call_command("web", "--no-tls", "--host", host)
    assert served == []


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_plain_http_on_the_loopback_is_served(served: list[Any], host: str) -> None:
    call_command("web", "--no-tls", "--host", host)
    assert served == [(host, 6443, False)]


def test_plain_http_behind_a_proxy_is_served_anywhere(settings: Settings, served: list[Any]) -> None:
    settings.KCPCACHE_BEHIND_TLS_PROXY = True
    call_command("web", "--no-tls", "--host", "0.0.0.0")
    assert served == [("0.0.0.0", 6443, False)]


def test_tls_is_served_anywhere(served: list[Any]) -> None:
    call_command("web", "--host", "0.0.0.0")
    assert served == [("0.0.0.0", 6443, True)]
