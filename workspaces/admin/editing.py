"""Changing an object from the admin: the request that any client would make, answered in this process.

The API decides everything as it does for others: rights, strict decoding, admission, validation, field managers,
revision. Nothing is written but what it writes.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

import orjson

from kcpcache.apimachinery.descriptor import Descriptor
from kcpcache.apimachinery.objects import JSONObject
from kcpcache.apimachinery.storage import Key
from kcpcache.apiserver import handler
from kcpcache.apiserver.exchange import Request, Response, User

FIELD_MANAGER = "kcpcache-admin"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why nothing was written: one sentence, and the fields that are to blame."""

    message: str
    causes: tuple[str, ...] = ()


def read(user: User, descriptor: Descriptor, key: Key) -> JSONObject | None:
    """The object as the API shows it, in the version that its workspace prefers; None when it does not."""
    answer = _ask(user, "GET", descriptor, key)
    if answer.status != 200:
        return None
    obj: JSONObject = orjson.loads(answer.body())
    return obj


def save(user: User, descriptor: Descriptor, key: Key, text: str) -> Refusal | None:
    """Replace an object by what a text in YAML says; None when it was written, or was the same already."""
    answer = _ask(user, "PUT", descriptor, key, text.replace("\r\n", "\n").encode())
    if answer.status < 300:
        return None
    return _refusal(answer.body())


def _ask(user: User, method: str, descriptor: Descriptor, key: Key, body: bytes = b"") -> Response:
    path = _path(descriptor, key)
    request = Request(
        method=method,
        path=path,
        raw_path=quote(path),
        query={"fieldValidation": ["Strict"], "fieldManager": [FIELD_MANAGER]} if body else {},
        headers={"content-type": "application/yaml", "accept": "application/json"},
        body=body,
        user=user,
    )
    answer = handler.handle(request)
    if not isinstance(answer, Response):
        raise TypeError("the answer about one object is no stream")
    return answer


def _path(descriptor: Descriptor, key: Key) -> str:
    root = f"/apis/{descriptor.group}" if descriptor.group else "/api"
    namespace = f"/namespaces/{key.namespace}" if key.namespace else ""
    return f"/clusters/{key.cluster}{root}/{descriptor.version}{namespace}/{descriptor.plural}/{key.name}"


def _refusal(body: bytes) -> Refusal:
    status = orjson.loads(body)
    causes = (status.get("details") or {}).get("causes") or []
    named = tuple(f"{cause.get('field') or 'object'}: {cause.get('message')}" for cause in causes)
    return Refusal(str(status.get("message") or "The change was refused."), named)
