"""Secrets at rest: one ciphertext wherever they lie, by keys of which the first encrypts and all decrypt."""

from __future__ import annotations

from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

from kcpcache.apimachinery import errors

SECRET_RESOURCES = frozenset({("", "secrets")})  # (group, resource)

MAGIC = b"kcpcache:fernet:"  # no JSON begins so


def is_secret(group: str, resource: str) -> bool:
    """Whether objects of this resource are stored encrypted."""
    return (group, resource) in SECRET_RESOURCES


def encrypt(body: bytes) -> bytes:
    """The ciphertext of a body, with a prefix that says so."""
    return MAGIC + _fernet(tuple(settings.KCPCACHE_ENCRYPTION_KEYS)).encrypt(body)


def decrypt(body: bytes) -> bytes:
    """The body of a ciphertext; InternalError when none of the keys made it."""
    if not body.startswith(MAGIC):
        raise errors.InternalError("a stored secret is not encrypted")
    try:
        return _fernet(tuple(settings.KCPCACHE_ENCRYPTION_KEYS)).decrypt(body[len(MAGIC) :])
    except InvalidToken:
        raise errors.InternalError(
            "a stored secret was encrypted with a key that is not configured"
        ) from None


@lru_cache(maxsize=4)
def _fernet(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])
