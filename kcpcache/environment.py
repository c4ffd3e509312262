"""Environment variables, read with their type and refused with one clear sentence when they are wrong."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterable
from urllib.parse import SplitResult, urlsplit

from django.core.exceptions import ImproperlyConfigured


def text(name: str, default: str = "") -> str:
    """A variable without the white space around it; the default when it is unset or empty."""
    return os.environ.get(name, "").strip() or default


def integer(name: str, default: int, *, minimum: int, maximum: int) -> int:
    """A whole number within bounds, both included; ImproperlyConfigured."""
    value = text(name, str(default))
    try:
        number = int(value)
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a whole number, not {value!r}.") from None
    if not minimum <= number <= maximum:
        raise ImproperlyConfigured(f"{name} must be from {minimum} to {maximum}, not {number}.")
    return number


def choice(name: str, default: str, choices: Iterable[str]) -> str:
    """One of some upper-case words, in any case; ImproperlyConfigured."""
    value = text(name, default)
    allowed = list(choices)
    if value.upper() not in allowed:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(allowed)}, not {value!r}.")
    return value.upper()


def listing(name: str) -> list[str]:
    """The parts of a comma-separated variable, empty ones left out."""
    return [part.strip() for part in text(name).split(",") if part.strip()]


def url(name: str, default: str, schemes: Iterable[str]) -> str:
    """A URL of one of some schemes; ImproperlyConfigured, whose text never shows it: URLs hold passwords."""
    value = text(name, default)
    allowed = list(schemes)
    if not value.startswith(tuple(f"{scheme}://" for scheme in allowed)):
        raise ImproperlyConfigured(f"{name} must begin with {' or '.join(f'{each}://' for each in allowed)}.")
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        raise ImproperlyConfigured(f"{name} is not a valid URL.") from None
    if not parts.hostname and not parts.path.strip("/"):
        raise ImproperlyConfigured(f"{name} names neither a host nor a path.")
    return value


def is_loopback(host: str) -> bool:
    """Whether a host name or an address leads to this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def redacted(address: str) -> str:
    """A URL that may be shown: without its password and query."""
    parts = urlsplit(address)
    host = parts.hostname or ""
    if ":" in host:
        host = f"[{host}]"
    if parts.port:
        host = f"{host}:{parts.port}"
    if parts.username:
        host = f"{parts.username}@{host}"
    return SplitResult(parts.scheme, host, parts.path, "", "").geturl()
