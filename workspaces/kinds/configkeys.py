"""Keys of ConfigMaps and Secrets, and how large their values may be together."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable

from kcpcache.apimachinery import errors, field
from kcpcache.apimachinery.errors import Cause
from kcpcache.apimachinery.objects import JSONObject

SIZE_LIMIT_BYTES = 1024 * 1024
_KEY_LIMIT = 253
_KEY = re.compile(r"[-._a-zA-Z0-9]+")
IMMUTABLE = "field is immutable when `immutable` is set"


def validate_keys(path: str, keys: Iterable[str]) -> list[Cause]:
    """Causes for keys that Kubernetes refuses (k8s.io/apimachinery, `IsConfigMapKey`)."""
    return [field.invalid(f"{path}[{key}]", key, message) for key in keys for message in _problems(key)]


def _problems(key: str) -> list[str]:
    problems = []
    if len(key) > _KEY_LIMIT:
        problems.append(f"must be no more than {_KEY_LIMIT} characters")
    if not _KEY.fullmatch(key):
        problems.append(
            "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name', or "
            "'KEY_NAME', or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
        )
    elif key in (".", ".."):
        problems.append(f"must not be '{key}'")
    elif key.startswith(".."):
        problems.append("must not start with '..'")
    return problems


def validate_immutable(obj: JSONObject, old: JSONObject, fields: Iterable[str]) -> list[Cause]:
    """Causes for changes of what `immutable` froze."""
    if not old.get("immutable"):
        return []
    causes = [] if obj.get("immutable") else [field.forbidden("immutable", IMMUTABLE)]
    changed = [name for name in fields if (obj.get(name) or {}) != (old.get(name) or {})]
    return causes + [field.forbidden(name, IMMUTABLE) for name in changed]


def canonical_base64(kind: str, obj: JSONObject, name: str) -> None:
    """Rewrite the base64 values of a field in its one canonical form (in place); BadRequest when they are none.

    Line breaks are allowed, as Go's decoder allows them. What is not a map of strings is left to the schema.
    """
    values = obj.get(name)
    if not isinstance(values, dict):
        return
    for key, value in values.items():
        if value is None:
            values[key] = ""
        elif isinstance(value, str):
            values[key] = _canonical(kind, value)


def _canonical(kind: str, value: str) -> str:
    try:
        decoded = base64.b64decode(value.replace("\n", "").replace("\r", ""), validate=True)
    except (binascii.Error, ValueError):
        raise errors.BadRequest(
            f'{kind} in version "v1" cannot be handled as a {kind}: illegal base64 data'
        ) from None
    return base64.b64encode(decoded).decode()


def decoded_bytes(values: JSONObject) -> int:
    """The size of base64 values when decoded, in bytes (to within the padding)."""
    return sum(len(value) * 3 // 4 for value in values.values())
