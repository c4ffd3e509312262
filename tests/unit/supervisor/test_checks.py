"""System checks of dangerous settings."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.checks import run_checks
from pytest_django import Settings

from supervisor import checks


def found() -> list[str | None]:
    return [message.id for message in run_checks(tags=[checks.TAG])]


@pytest.mark.parametrize(
    "url",
    [
        "redis://:pw@redis.example.com/0",
        "redis://redis.example.com/0?password=pw",
        "redis://localhost:6379/0",
        "redis://127.0.0.1/0",
        "redis://[::1]:6379/0",
        "unix:///run/redis.sock?db=0",
    ],
)
def test_a_redis_with_a_password_or_on_this_machine_is_fine(settings: Settings, url: str) -> None:
    settings.KCPCACHE_REDIS_URL = url
    assert found() == []


@pytest.mark.parametrize(
    "url", ["redis://redis.example.com/0", "redis://10.0.0.1:6379/0", "rediss://u@10.0.0.1"]
)
@pytest.mark.parametrize("name", ["KCPCACHE_REDIS_URL", "CELERY_BROKER_URL"])
def test_an_open_redis_elsewhere_is_refused(settings: Settings, name: str, url: str) -> None:
    setattr(settings, name, url)
    assert found() == ["kcpcache.E001"]


def test_a_token_file_that_is_missing_is_refused(settings: Settings, tmp_path: Path) -> None:
    settings.KCPCACHE_TOKEN_AUTH_FILE = str(tmp_path / "tokens.csv")
    assert found() == ["kcpcache.E002"]
    (tmp_path / "tokens.csv").write_text("")
    assert found() == []


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"# tokens\na,jane,1\nb,bob\n", "line 3: it has 2 fields"),
        (b'a,jane,1,"g1",g2\n', "line 1: it has 5 fields"),
        (b"\n,jane,1\n", "line 2: the token is empty"),
        (b"t0ken, ,1\n", "line 1: the user is empty"),
        (b"t0ken,jane,1\nother,bob,2\nt0ken,bob,2\n", "line 3: it has the token of line 1 again"),
        (b'a,jane,1\nb,bob,2,"g1\n', "line 2: "),
        (b"a,jane,1\nb,b\xff,2\n", "it is not UTF-8"),
    ],
)
def test_a_malformed_token_file_is_refused_with_the_line(
    settings: Settings, tmp_path: Path, content: bytes, sentence: str
) -> None:
    settings.KCPCACHE_TOKEN_AUTH_FILE = str(tmp_path / "tokens.csv")
    (tmp_path / "tokens.csv").write_bytes(content)
    (message,) = run_checks(tags=[checks.TAG])
    assert message.id == "kcpcache.E004"
    assert sentence in message.msg
    assert "t0ken" not in message.msg


@pytest.mark.parametrize(
    "password",
    [
        "tiny4711",
        "changeme",
        "change-me-please",
        "password1234",
        "1357924680135",
        "kcp-admin-kcp",
        "ExamplePassword1",
    ],
)
def test_a_weak_admin_password_is_refused_with_what_to_do(settings: Settings, password: str) -> None:
    settings.KCPCACHE_ADMIN_PASSWORD = password
    (message,) = run_checks(tags=[checks.TAG])
    assert message.id == "kcpcache.E005"
    assert message.msg.startswith("KCPCACHE_ADMIN_PASSWORD is weak: ")
    assert password not in message.msg


def test_a_strong_admin_password_is_taken(settings: Settings) -> None:
    settings.KCPCACHE_ADMIN_PASSWORD = "three-boats-on-the-river"
    assert found() == []


def test_a_certificate_that_is_missing_is_refused(settings: Settings, tmp_path: Path) -> None:
    for part in ("CERT", "KEY", "CA"):
        setattr(settings, f"KCPCACHE_TLS_{part}_FILE", str(tmp_path / part))
    assert found() == ["kcpcache.E003"] * 3
    for part in ("CERT", "KEY", "CA"):
        (tmp_path / part).touch()
    assert found() == []


def test_a_shared_database_with_keys_of_one_machine_is_warned_of(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(settings.DATABASES["default"], "ENGINE", "django.db.backends.postgresql")
    assert found() == ["kcpcache.W001"]
