"""Environment variables: what they become, and how wrong ones are refused."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests import servers

SHOW = (
    "import json, sys; from django.core.exceptions import ImproperlyConfigured\n"
    "try:\n    from kcpcache import settings\n"
    "except ImproperlyConfigured as refusal: sys.exit(str(refusal))\n"
    "found = {name: getattr(settings, name) for name in dir(settings) if name.isupper()}\n"
    "print(json.dumps(found, default=str))"
)


def load(data_dir: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Import the settings in a process of its own."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("KCPCACHE_", "DATABASE_URL"))
    }
    return subprocess.run(
        [sys.executable, "-c", SHOW],
        cwd=servers.PROJECT,
        env={**kept, "KCPCACHE_DATA_DIR": str(data_dir), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def settings(data_dir: Path, **environment: str) -> dict[str, Any]:
    done = load(data_dir, **environment)
    assert done.returncode == 0, done.stderr
    loaded: dict[str, Any] = json.loads(done.stdout)
    return loaded


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("KCPCACHE_PORT", "abc", "KCPCACHE_PORT must be a whole number, not 'abc'."),
        ("KCPCACHE_PORT", "70000", "KCPCACHE_PORT must be from 1 to 65535, not 70000."),
        ("KCPCACHE_WORKER_CONCURRENCY", "0", "KCPCACHE_WORKER_CONCURRENCY must be from 1 to 256, not 0."),
        ("KCPCACHE_CHANGE_LOG_SECONDS", "299", "KCPCACHE_CHANGE_LOG_SECONDS must be from 300 to"),
        ("KCPCACHE_CHANGE_LOG_SECONDS", "1h", "KCPCACHE_CHANGE_LOG_SECONDS must be a whole number"),
        ("KCPCACHE_CHANGE_LOG_ROWS", "999", "KCPCACHE_CHANGE_LOG_ROWS must be from 1000 to"),
        ("KCPCACHE_SHARD", "Not A Name", "KCPCACHE_SHARD must be lower-case letters"),
        ("KCPCACHE_SQLITE_SYNCHRONOUS", "OFF", "KCPCACHE_SQLITE_SYNCHRONOUS must be one of FULL, NORMAL"),
        ("KCPCACHE_LOG_LEVEL", "loud", "KCPCACHE_LOG_LEVEL must be one of DEBUG"),
        ("KCPCACHE_REDIS_URL", "valkey://h", "KCPCACHE_REDIS_URL must begin with redis://"),
        ("KCPCACHE_REDIS_URL", "redis://h/zero", "KCPCACHE_REDIS_URL must end with a database number"),
        ("KCPCACHE_REDIS_URL", "redis://h:port/0", "KCPCACHE_REDIS_URL is not a valid URL."),
        ("KCPCACHE_BROKER_URL", "valkey://h", "KCPCACHE_BROKER_URL must begin with redis://"),
        ("KCPCACHE_ENCRYPTION_KEYS", "short", "KCPCACHE_ENCRYPTION_KEYS must be Fernet keys"),
        (
            "KCPCACHE_EXTERNAL_URL",
            "https://h/path",
            "KCPCACHE_EXTERNAL_URL must be scheme, host and port only.",
        ),
        (
            "KCPCACHE_EXTERNAL_URL",
            "http://cache.example.com",
            "KCPCACHE_EXTERNAL_URL must begin with https://",
        ),
        ("KCPCACHE_BEHIND_TLS_PROXY", "perhaps", "KCPCACHE_BEHIND_TLS_PROXY must be one of YES, NO"),
        ("KCPCACHE_SESSION_SECONDS", "1209600", "KCPCACHE_SESSION_SECONDS must be from 300 to 604800"),
        ("KCPCACHE_HSTS_SECONDS", "-1", "KCPCACHE_HSTS_SECONDS must be from 0"),
        ("KCPCACHE_SECRET_KEY", "tooshort", "KCPCACHE_SECRET_KEY has 8 characters; it needs 32 or more."),
        ("KCPCACHE_SECRET_KEY", "a1" * 20, "KCPCACHE_SECRET_KEY has only 2 different characters."),
        (
            "KCPCACHE_SECRET_KEY",
            "django-insecure-5g8#k1!q9z7w3n0d2s4v6b8m",
            "KCPCACHE_SECRET_KEY is a placeholder, or has one in it.",
        ),
        (
            "KCPCACHE_TLS_CERT_FILE",
            "server.crt",
            "KCPCACHE_TLS_CERT_FILE, KCPCACHE_TLS_KEY_FILE and KCPCACHE_",
        ),
        ("DATABASE_URL", "mysql://h/db", "DATABASE_URL must begin with sqlite://"),
        ("DATABASE_URL", "sqlite:///:memory:", "DATABASE_URL must name a file"),
    ],
)
def test_a_wrong_value_is_refused_with_one_sentence(
    tmp_path: Path, name: str, value: str, sentence: str
) -> None:
    done = load(tmp_path, **{name: value})
    assert done.returncode == 1
    assert done.stderr.startswith(sentence)
    assert len(done.stderr.splitlines()) == 1


def test_a_login_lasts_hours_and_tls_is_insisted_on_if_asked(tmp_path: Path) -> None:
    found = settings(tmp_path)
    assert found["SESSION_COOKIE_AGE"] == 8 * 3600
    assert found["SECURE_HSTS_SECONDS"] == 0
    assert settings(tmp_path, KCPCACHE_HSTS_SECONDS="3600")["SECURE_HSTS_SECONDS"] == 3600


@pytest.mark.parametrize("url", ["http://localhost:8080", "http://127.0.0.1:8080", "http://[::1]:8080"])
def test_plain_http_is_taken_on_the_loopback(tmp_path: Path, url: str) -> None:
    assert settings(tmp_path, KCPCACHE_EXTERNAL_URL=url)["SESSION_COOKIE_SECURE"] is False


def test_a_refused_secret_key_is_not_shown(tmp_path: Path) -> None:
    assert "hunter2" not in load(tmp_path, KCPCACHE_SECRET_KEY="hunter2").stderr


def test_a_refused_url_does_not_show_its_password(tmp_path: Path) -> None:
    done = load(tmp_path, KCPCACHE_REDIS_URL="valkey://:hunter2@h/0")
    assert "hunter2" not in done.stderr


def test_a_data_directory_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = load(tmp_path / "file" / "data")
    assert done.stderr.startswith(f"The data directory {tmp_path}/file/data cannot be used: ")


def test_secrets_are_made_once_and_private(tmp_path: Path) -> None:
    first, second = settings(tmp_path), settings(tmp_path)
    for name in ("SECRET_KEY", "KCPCACHE_ENCRYPTION_KEYS"):
        assert first[name] == second[name] != ""
    for file in ("secret.key", "encryption.keys"):
        assert stat.S_IMODE((tmp_path / file).stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("redis_url", "broker_url"),
    [
        ("redis://:pw@h:6379/0", "redis://:pw@h:6379/1"),
        ("redis://h", "redis://h/1"),
        ("rediss://:pw@h/3", "rediss://:pw@h/4"),
        ("unix:///run/redis.sock?db=2", "redis+socket:///run/redis.sock?virtual_host=3"),
        ("unix://:pw@/run/redis.sock", "redis+socket://:pw@/run/redis.sock?virtual_host=1"),
    ],
)
def test_the_broker_is_the_next_database_of_the_same_redis(
    tmp_path: Path, redis_url: str, broker_url: str
) -> None:
    assert settings(tmp_path, KCPCACHE_REDIS_URL=redis_url)["CELERY_BROKER_URL"] == broker_url


def test_a_data_directory_with_a_long_name_has_its_socket_elsewhere(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 120)
    socket_path = settings(deep, TMPDIR="/tmp")["KCPCACHE_REDIS_SOCKET"]
    assert len(socket_path) <= 100
    assert not socket_path.startswith(str(deep))
    assert socket_path != settings(tmp_path / ("e" * 120), TMPDIR="/tmp")["KCPCACHE_REDIS_SOCKET"]


def test_listening_everywhere_is_announced_under_the_hosts_name(tmp_path: Path) -> None:
    loaded = settings(tmp_path, KCPCACHE_HOST="0.0.0.0", KCPCACHE_PORT="7443")
    assert loaded["KCPCACHE_EXTERNAL_URL"].endswith(":7443")
    assert "0.0.0.0" not in loaded["KCPCACHE_EXTERNAL_URL"]


def test_reads_of_a_snapshot_take_no_write_lock(tmp_path: Path) -> None:
    databases = settings(tmp_path)["DATABASES"]
    assert databases["default"]["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert databases["snapshot"]["OPTIONS"]["transaction_mode"] == "DEFERRED"
    assert databases["snapshot"]["NAME"] == databases["default"]["NAME"]
    postgres = settings(tmp_path, DATABASE_URL="postgresql://u:p@h/db")["DATABASES"]
    assert postgres["snapshot"]["OPTIONS"]["isolation_level"] == 3
    assert "isolation_level" not in postgres["default"]["OPTIONS"]


def test_the_change_log_is_kept_for_an_hour_unless_said_otherwise(tmp_path: Path) -> None:
    found = settings(tmp_path)
    assert (found["KCPCACHE_CHANGE_LOG_SECONDS"], found["KCPCACHE_CHANGE_LOG_ROWS"]) == (3600, 1_000_000)
    found = settings(tmp_path, KCPCACHE_CHANGE_LOG_SECONDS="600", KCPCACHE_CHANGE_LOG_ROWS="5000")
    assert (found["KCPCACHE_CHANGE_LOG_SECONDS"], found["KCPCACHE_CHANGE_LOG_ROWS"]) == (600, 5000)
