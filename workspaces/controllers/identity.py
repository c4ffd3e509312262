"""Identities: a private key in a Secret, and its public hash (seed, "CachedResource identity")."""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass

from kcpcache.apimachinery import errors
from kcpcache.apimachinery.objects import JSONObject
from workspaces.registry import client

_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is known about an identity: the hash to show, and the condition `IdentityValid`."""

    identity_hash: str
    status: str
    reason: str = ""
    message: str = ""


def ensure_secret(cluster: str, name: str, namespace: str) -> None:
    """Make the Secret of an identity with 256 random bits in `data.key`, and its namespace, where missing."""
    if client.get(cluster, "", "secrets", name, namespace) is not None:
        return
    if client.get(cluster, "", "namespaces", namespace) is None:
        _create(cluster, "namespaces", {"metadata": {"name": namespace}})
    key = base64.b64encode(secrets.token_hex(_KEY_BYTES).encode()).decode()
    _create(
        cluster, "secrets", {"metadata": {"name": name}, "type": "Opaque", "data": {"key": key}}, namespace
    )


def _create(cluster: str, plural: str, obj: JSONObject, namespace: str = "") -> None:
    try:
        client.create(cluster, "", plural, obj, namespace)
    except errors.AlreadyExists:
        return


def read_key(cluster: str, secret_ref: JSONObject) -> bytes | None:
    """The key of a `spec.identity.secretRef`, None while the Secret or its `data.key` is missing or empty."""
    namespace, name = str(secret_ref.get("namespace") or ""), str(secret_ref.get("name") or "")
    secret = client.get(cluster, "", "secrets", name, namespace) if name else None
    key = ((secret or {}).get("data") or {}).get("key")
    return (base64.b64decode(key) or None) if key else None


def hash_key(key: bytes) -> str:
    """The public hash of a key: lower-case hexadecimal SHA-256."""
    return hashlib.sha256(key).hexdigest()


def verify(cluster: str, secret_ref: JSONObject, known_hash: str) -> Verdict:
    """Compare the key of a Secret with the hash that was published before, empty for none.

    A hash once published stays: consumers hold on to it while the key is missing or another.
    """
    key = read_key(cluster, secret_ref)
    where = f"{secret_ref.get('namespace') or ''}/{secret_ref.get('name') or ''}"
    if key is None:
        return Verdict(
            known_hash, "False", "IdentityGenerationFailed", f'no key in data.key of secret "{where}"'
        )
    found = hash_key(key)
    if known_hash and found != known_hash:
        return Verdict(
            known_hash,
            "False",
            "IdentityVerificationFailed",
            f'the key in secret "{where}" is not the one that status.identityHash was made from',
        )
    return Verdict(found, "True")
