"""The two opaque strings of lists: `resourceVersion` and the `continue` token.

A resourceVersion is a decimal store revision. A continue token holds the revision at which a list is read
and the key it goes on from; a digest ties it to the collection it was given out for.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

import orjson

from kcpcache.apimachinery import errors

MAX_REVISION = 2**63 - 1

_CONTINUE_VERSION = "meta.k8s.io/v1"
_DIGEST_SIZE_BYTES = 12


def parse(text: str) -> int | None:
    """The revision in a request's `resourceVersion`; None if it is empty.

    Raises:
        BadRequest: not a decimal number of up to 63 bits, worded as kube-apiserver words it.
    """
    if not text:
        return None
    if not (text.isascii() and text.isdigit()):
        raise _refusal(text, "invalid syntax")
    if len(text) > 20 or (revision := int(text)) > MAX_REVISION:
        raise _refusal(text, "value out of range")
    return revision


def format(revision: int) -> str:
    """The `resourceVersion` of a revision."""
    return str(revision)


def encode_continue(revision: int, start_key: str, scope: str = "", secret: bytes = b"") -> str:
    """A token with which a list goes on at `start_key`, as of `revision`.

    `scope` names the collection (cluster, resource, selectors: whatever must be the same in the next
    request); it is not in the token, only its digest is. With a `secret` the digest is keyed, so that
    clients cannot make tokens up.
    """
    token = {
        "v": _CONTINUE_VERSION,
        "rv": revision,
        "start": start_key,
        "scope": _digest(revision, start_key, scope, secret),
    }
    return base64.urlsafe_b64encode(orjson.dumps(token)).rstrip(b"=").decode()


def decode_continue(token: str, scope: str = "", secret: bytes = b"") -> tuple[int, str]:
    """The revision and start key of a token made by `encode_continue` for the same scope and secret.

    Raises:
        BadRequest: no such token, one that was changed, or one of another collection.
    """
    try:
        padded = token.encode() + b"=" * (-len(token) % 4)
        content = orjson.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        version, revision, start_key = content["v"], content["rv"], content["start"]
        digest = content["scope"]
    except (binascii.Error, orjson.JSONDecodeError, UnicodeError, KeyError, TypeError) as error:
        raise errors.BadRequest(f"continue key is not valid: {error}") from error
    if version != _CONTINUE_VERSION:
        raise errors.BadRequest(f"continue key is not valid: server does not recognize version {version}")
    if type(revision) is not int or not 0 <= revision <= MAX_REVISION or not isinstance(start_key, str):
        raise errors.BadRequest("continue key is not valid: incorrect encoded start resourceVersion")
    expected = _digest(revision, start_key, scope, secret)
    if not isinstance(digest, str) or not hmac.compare_digest(digest.encode(), expected.encode()):
        raise errors.BadRequest("continue key is not valid: it belongs to another list")
    return revision, start_key


def _digest(revision: int, start_key: str, scope: str, secret: bytes) -> str:
    content = orjson.dumps([revision, start_key, scope])
    # BLAKE2 takes keys of up to 64 bytes.
    key = hashlib.blake2b(secret).digest() if secret else b""
    return hashlib.blake2b(content, digest_size=_DIGEST_SIZE_BYTES, key=key).hexdigest()


def _refusal(text: str, why: str) -> errors.BadRequest:
    shown = orjson.dumps(text).decode()
    return errors.BadRequest(
        f"invalid resource version: resourceVersion: Invalid value: {shown}: "
        f"strconv.ParseUint: parsing {shown}: {why}"
    )
