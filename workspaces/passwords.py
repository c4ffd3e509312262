"""Passwords: how many may be tried, and how many are checked at a time.

A password costs a hash, which is slow on purpose, and anybody may send one. So a process checks two at a time, and an
account and an address have five failures a minute each. A browser that has logged in to an account before shows a
signed cookie and has attempts of its own there: strangers cannot lock an operator out. Nothing here depends on
whether an account exists.
"""

from __future__ import annotations

import ipaddress
import logging
import secrets
import threading
from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from django.core import signing
from django.http import HttpRequest, HttpResponse

from workspaces.store import attempts

logger = logging.getLogger(__name__)

HASHES_AT_A_TIME = 2
COOKIE = "kcpcache_browser"
COOKIE_SECONDS = 30 * 24 * 3600

_WAIT_SECONDS = 5.0
_SALT = "workspaces.passwords"
_hashing = threading.BoundedSemaphore(HASHES_AT_A_TIME)


class TooManyAttempts(Exception):
    """No password is checked now; `wait_seconds` says when the next may be."""

    def __init__(self, wait_seconds: float) -> None:
        super().__init__(f"wait {wait_seconds:.0f} s")
        self.wait_seconds = wait_seconds


class Backend(ModelBackend):
    """Django's own, with the bounds above where a request is behind it."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> User | None:
        """The account of a right password, None for a wrong one; TooManyAttempts."""
        if request is None or username is None or password is None:
            return super().authenticate(request, username, password, **kwargs)
        account, address = _account(request, username), _address(request)
        if not _hashing.acquire(timeout=_WAIT_SECONDS):
            raise TooManyAttempts(1.0)
        try:
            if wait_seconds := attempts.reserve(account, address):
                logger.warning(
                    "too many passwords: none is checked for %.100r from %s for %.0f s",
                    username,
                    request.META.get("REMOTE_ADDR"),
                    wait_seconds,
                )
                raise TooManyAttempts(wait_seconds)
            found = super().authenticate(request, username, password, **kwargs)
        finally:
            _hashing.release()
        if found is not None:
            attempts.forget(account)
            attempts.take_back(address)
        return found


def remember_browser(request: HttpRequest, response: HttpResponse, username: str) -> None:
    """Give a browser that has logged in the cookie that keeps its attempts apart from those of strangers."""
    made = signing.dumps([username, secrets.token_hex(8)], salt=_SALT, compress=False)
    response.set_cookie(
        COOKIE, made, max_age=COOKIE_SECONDS, secure=request.is_secure(), httponly=True, samesite="Strict"
    )


def _account(request: HttpRequest, username: str) -> str:
    """Whose attempts these are: the account's, or those of a browser that it knows."""
    try:
        known, browser = signing.loads(request.COOKIES.get(COOKIE, ""), salt=_SALT, max_age=COOKIE_SECONDS)
    except (signing.BadSignature, ValueError, TypeError):
        known, browser = "", ""
    return f"browser {browser}" if known == username else f"account {username.casefold()}"


def _address(request: HttpRequest) -> str:
    """An IPv4 address, or the network of an IPv6 one, which a single customer has whole."""
    text = str(request.META.get("REMOTE_ADDR") or "")
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return f"address {text}"
    if isinstance(address, ipaddress.IPv6Address):
        mapped = address.ipv4_mapped
        return f"address {mapped or ipaddress.ip_network((address, 64), strict=False)}"
    return f"address {address}"
