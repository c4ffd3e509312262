"""Secrets at rest: one ciphertext wherever they lie, by keys of which the first encrypts and all decrypt."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

from kcpcache.apimachinery import errors

MAGIC = b"kcpcache:fernet:"  # no JSON begins so


_secret_resources: frozenset[tuple[str, str]] | None = None


def declare(resources: Iterable[tuple[str, str]]) -> None:
    """Say which resources are encrypted, as (group, plural); before anything is read or written."""
    global _secret_resources
    _secret_resources = frozenset(resources)


def secret_resources() -> frozenset[tuple[str, str]]:
    """The resources that are encrypted. RuntimeError before they were declared: nothing may be stored in plain."""
    if _secret_resources is None:
        raise RuntimeError("the kinds have not said yet which of them are secret: set Django up first")
    return _secret_resources


def is_secret(group: str, resource: str) -> bool:
    """Whether objects of this resource are stored encrypted."""
    return (group, resource) in secret_resources()


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
