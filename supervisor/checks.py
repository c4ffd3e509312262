"""System checks: settings that would be dangerous or cannot work are refused before anything is served."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.conf import settings
from django.contrib.auth import get_user_model, password_validation
from django.core import checks
from django.core.exceptions import ValidationError

from kcpcache import environment, strength
from kcpcache.apiserver import authentication, tokenfile

TAG = "kcpcache"


@checks.register(TAG)
def redis_is_not_open(app_configs: Sequence[Any] | None, **_: Any) -> list[checks.CheckMessage]:
    """Redis off this machine needs a password: whoever can reach it could change what consumers read."""
    urls = {
        "KCPCACHE_REDIS_URL": settings.KCPCACHE_REDIS_URL,
        "KCPCACHE_BROKER_URL": settings.CELERY_BROKER_URL,
    }
    return [
        checks.Error(
            f"{name} ({environment.redacted(url)}) is open: Redis on another machine needs a password.",
            id="kcpcache.E001",
        )
        for name, url in urls.items()
        if _leaves_machine(url) and not _has_password(url)
    ]


@checks.register(TAG)
def token_file_is_well_formed(app_configs: Sequence[Any] | None, **_: Any) -> list[checks.CheckMessage]:
    """A token file that is named must be there, and each line of it must name somebody."""
    path = settings.KCPCACHE_TOKEN_AUTH_FILE
    try:
        if path:
            authentication.load_static_tokens(str(path))
    except OSError:
        return [checks.Error(f"KCPCACHE_TOKEN_AUTH_FILE {path} cannot be read.", id="kcpcache.E002")]
    except tokenfile.Malformed as problem:
        return [checks.Error(f"KCPCACHE_TOKEN_AUTH_FILE {problem}", id="kcpcache.E004")]
    return []


@checks.register(TAG)
def admin_password_is_strong(app_configs: Sequence[Any] | None, **_: Any) -> list[checks.CheckMessage]:
    """A password that is given must not be guessed: it opens everything."""
    given = settings.KCPCACHE_ADMIN_PASSWORD
    if not given:
        return []
    try:
        password_validation.validate_password(given, get_user_model()(username="kcp-admin"))
        reason = "It is a placeholder." if strength.is_placeholder(given) else ""
    except ValidationError as problem:
        reason = " ".join(problem.messages)
    if not reason:
        return []
    what = "choose another, or unset it to have one made"
    return [checks.Error(f"KCPCACHE_ADMIN_PASSWORD is weak: {reason} Please {what}.", id="kcpcache.E005")]


@checks.register(TAG)
def certificate_is_readable(app_configs: Sequence[Any] | None, **_: Any) -> list[checks.CheckMessage]:
    """A certificate that is named must be there, with its key and its authority."""
    names = ("KCPCACHE_TLS_CERT_FILE", "KCPCACHE_TLS_KEY_FILE", "KCPCACHE_TLS_CA_FILE")
    return [
        checks.Error(f"{name} {path} cannot be read.", id="kcpcache.E003")
        for name in names
        if (path := getattr(settings, name)) and not os.access(path, os.R_OK)
    ]


@checks.register(TAG)
def keys_are_shared(app_configs: Sequence[Any] | None, **_: Any) -> list[checks.CheckMessage]:
    """Machines that share a database must share the keys; keys in a data directory are one machine's."""
    shared_database = not settings.DATABASES["default"]["ENGINE"].endswith("sqlite3")
    if not shared_database or environment.text("KCPCACHE_ENCRYPTION_KEYS"):
        return []
    return [
        checks.Warning(
            "KCPCACHE_ENCRYPTION_KEYS is not set: other machines cannot read Secrets.",
            hint="Set it, and KCPCACHE_SECRET_KEY, to the same values on every machine.",
            id="kcpcache.W001",
        )
    ]


def _leaves_machine(url: str) -> bool:
    """Whether a Redis URL names another host than this one; a socket never does."""
    parts = urlsplit(url)
    if parts.scheme in ("unix", "redis+socket") or parts.hostname is None:
        return False
    return not environment.is_loopback(parts.hostname)


def _has_password(url: str) -> bool:
    """Whether a Redis URL carries a password, before the host or in the query."""
    parts = urlsplit(url)
    return bool(parts.password or parse_qs(parts.query).get("password"))
