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
