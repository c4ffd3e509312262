"""Who asks: bearer tokens to users, for the front and for Django REST framework.

Source: Kubernetes, "Authenticating"; the static token file has kube-apiserver's format.
"""

from __future__ import annotations

import hashlib
import hmac
import threading
import time
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import rest_framework.authentication
import rest_framework.request
from django.conf import settings

from kcpcache.apimachinery import errors
from kcpcache.apiserver import backend, tokenfile
from kcpcache.apiserver.exchange import Request, User

AUTHENTICATED = "system:authenticated"
REMEMBERED_SECONDS = 5.0
_REMEMBERED_USERS = 4096
_CHALLENGE = 'Bearer realm="kcpcache"'


class _Remembered:
    """Users of tokens that were looked up lately, by digest; bounded, and forgotten after some seconds."""

    def __init__(self) -> None:
        self._users: dict[bytes, tuple[float, User]] = {}
        self._lock = threading.Lock()

    def get(self, digest: bytes) -> User | None:
        entry = self._users.get(digest)
        if entry is None or entry[0] < time.monotonic():
            return None
        return entry[1]

    def put(self, digest: bytes, user: User) -> None:
        with self._lock:
            if len(self._users) >= _REMEMBERED_USERS:
                self._users.clear()
            self._users[digest] = (time.monotonic() + REMEMBERED_SECONDS, user)

    def clear(self) -> None:
        with self._lock:
            self._users.clear()


_remembered = _Remembered()


def authenticate(request: Request) -> User:
    """The user of a request; may ask the backend, so it may block. Unauthorized, Forbidden."""
    known = remembered(request)
    if known is not None:
        return known
    token = _bearer_token(request.headers)
    user = backend.backend().authenticate_token(token)
    if user is None:
        raise errors.Unauthorized("Unauthorized")
    user = _authenticated(user)
    _remembered.put(_digest(token), user)
    return user


def forget() -> None:
    """Ask the backend again about every token."""
    _remembered.clear()


def remembered(request: Request) -> User | None:
    """The same from memory alone; None when the backend must be asked. Unauthorized, Forbidden."""
    if request.user is not None:
        return request.user
    digest = _digest(_bearer_token(request.headers))
    _refuse_impersonation(request.headers)
    return _static_user(digest) or _remembered.get(digest)


def _bearer_token(headers: Mapping[str, str]) -> str:
    scheme, _, token = headers.get("authorization", "").strip().partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise errors.Unauthorized("Unauthorized")
    return token


def _refuse_impersonation(headers: Mapping[str, str]) -> None:
    """Nobody may act as another; ignoring the headers would do as the caller what was asked as another."""
    if any(name.startswith("impersonate-") for name in headers):
        raise errors.Forbidden("impersonation is not allowed")


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


def _authenticated(user: User) -> User:
    if AUTHENTICATED in user.groups:
        return user
    return User(user.name, user.uid, (*user.groups, AUTHENTICATED), user.extra)


def _static_user(digest: bytes) -> User | None:
    path = getattr(settings, "KCPCACHE_TOKEN_AUTH_FILE", "")
    if not path:
        return None
    found = None
    for known, user in _static_tokens(str(path)):
        if hmac.compare_digest(known, digest):
            found = user
    return found


def load_static_tokens(path: str) -> None:
    """Read the token file, once for this process; tokenfile.Malformed, OSError."""
    _static_tokens(path)


@lru_cache(maxsize=4)
def _static_tokens(path: str) -> tuple[tuple[bytes, User], ...]:
    """The users of the token file by their tokens' digests; read once a process."""
    return tuple(
        (_digest(line.token), _authenticated(User(line.user, line.uid, line.groups)))
        for line in tokenfile.read(Path(path))
    )


class BearerAuthentication(rest_framework.authentication.BaseAuthentication):
    """Django REST framework's way to the same function."""

    def authenticate(self, request: rest_framework.request.Request) -> tuple[User, None]:
        """The user and no credentials object; Unauthorized, Forbidden."""
        made = getattr(request._request, "exchange", None)
        if made is None:
            headers = {name.lower(): value for name, value in request.headers.items()}
            made = Request(request.method or "", request.path, {}, headers)
        return authenticate(made), None

    def authenticate_header(self, request: rest_framework.request.Request) -> str:
        """What a 401 challenges with."""
        return _CHALLENGE
