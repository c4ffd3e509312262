"""The forms in which objects are sent: as stored, as Table rows, as PartialObjectMetadata.

Source: Kubernetes API concepts, "Receiving resources as Tables" and "Metadata-only fetches".
"""

from __future__ import annotations

import datetime
import weakref
from collections.abc import Iterable
from typing import Any, Protocol

import orjson

from kcpcache.apimachinery import objects, resourceversion, table, watch
from kcpcache.apimachinery.descriptor import Descriptor
from kcpcache.apimachinery.objects import JSONObject
from kcpcache.apimachinery.storage import Event, Record
from kcpcache.apiserver.negotiation import Accepted

_TYPES = {
    name: b'{"type":"' + name.encode() + b'","object":'
    for name in ("ADDED", "MODIFIED", "DELETED", "BOOKMARK")
}


class Form(Protocol):
    """How one stored body becomes one object on the wire. Equal keys give equal bytes."""

    key: tuple[object, ...]

    def encode(self, body: bytes, *, first: bool) -> bytes:
        """The object; `first` is true for the first one of a response."""


class AsStored:
    """The object itself, under the requested apiVersion."""

    def __init__(self, descriptor: Descriptor) -> None:
        self._api_version = descriptor.api_version
        self.key: tuple[object, ...] = ("", self._api_version)

    def encode(self, body: bytes, *, first: bool) -> bytes:
        """The stored bytes, with another apiVersion if they were stored under another."""
        return objects.splice_api_version(body, self._api_version)


class AsPartial:
    """`PartialObjectMetadata`: apiVersion, kind and metadata."""

    def __init__(self, accepted: Accepted) -> None:
        self._head = b'{"kind":"PartialObjectMetadata","apiVersion":"' + accepted.form_api_version.encode()
        self.key: tuple[object, ...] = ("PartialObjectMetadata", accepted.form_api_version)

    def encode(self, body: bytes, *, first: bool) -> bytes:
        """The metadata alone."""
        return self.of(objects.decode(body))

    def of(self, obj: JSONObject) -> bytes:
        """The same of a decoded object."""
        return self._head + b'","metadata":' + orjson.dumps(obj.get("metadata") or {}) + b"}"


class AsTable:
    """`Table`: printer columns, and as much of each object as `includeObject` asks for."""

    def __init__(self, descriptor: Descriptor, accepted: Accepted, include_object: str) -> None:
        self._api_version = accepted.form_api_version
        self._columns = _columns_of(descriptor)
        self._include = include_object
        self._stored = AsStored(descriptor)
        self._partial = AsPartial(accepted)
        self.key: tuple[object, ...] = ("Table", self._api_version, include_object, self._columns)

    def encode(self, body: bytes, *, first: bool) -> bytes:
        """A Table of one row; column definitions come with the first only."""
        version = objects.resource_version(objects.decode(body))
        return b"".join(self.document([body], {"resourceVersion": version}, headers=first))

    def document(self, bodies: Iterable[bytes], metadata: JSONObject, *, headers: bool = True) -> list[bytes]:
        """A whole Table, in pieces."""
        now = datetime.datetime.now(datetime.UTC)
        head = orjson.dumps({
            "kind": "Table", "apiVersion": self._api_version, "metadata": metadata,
            "columnDefinitions": self._columns.definitions if headers else None,
        })  # fmt: skip
        rows = b",".join([self._row(body, now) for body in bodies])
        return [head[:-1] + b',"rows":[', rows, b"]}"]

    def _row(self, body: bytes, now: datetime.datetime) -> bytes:
        obj = objects.decode(body)
        cells = orjson.dumps(self._columns.rendered(self._columns.cells(obj), now))
        if self._include == "None":
            return b'{"cells":' + cells + b',"object":null}'
        shown = self._stored.encode(body, first=False) if self._include == "Object" else self._partial.of(obj)
        return b'{"cells":' + cells + b',"object":' + shown + b"}"


_columns: weakref.WeakKeyDictionary[Descriptor, table.Columns] = weakref.WeakKeyDictionary()


def _columns_of(descriptor: Descriptor) -> table.Columns:
    """The compiled columns of a resource, kept as long as its descriptor."""
    found = _columns.get(descriptor)
    if found is None:
        found = _columns[descriptor] = table.Columns(descriptor.columns)
    return found


def form_of(descriptor: Descriptor, accepted: Accepted, include_object: str) -> Form:
    """The form a client negotiated."""
    if accepted.form == "Table":
        return AsTable(descriptor, accepted, include_object)
    if accepted.form.startswith("PartialObjectMetadata"):
        return AsPartial(accepted)
    return AsStored(descriptor)


class EventRenderer:
    """Encodes a watch's lines, each event once for all watchers of the same form."""

    def __init__(self, descriptor: Descriptor, form: Form) -> None:
        self._descriptor = descriptor
        self._form = form
        self._is_first = isinstance(form, AsTable)

    def record(self, record: Record) -> bytes:
        """The ADDED line of an object that was there when the watch began."""
        return _TYPES[watch.ADDED] + self._encode(record.body) + b"}\n"

    def event(self, event: Event, seen: str) -> bytes:
        """The line for a watcher who sees `event` as a `seen` (ADDED, MODIFIED, DELETED)."""
        key = (seen, self._form.key, self._is_first)
        line = event.rendered.get(key)
        if line is None:
            body = _previous(event) if watch.carries_previous(event.type, seen) else event.body
            line = event.rendered[key] = _TYPES[seen] + self._encode(body) + b"}\n"
        self._is_first = False
        return line

    def bookmark(self, resource_version: str, *, initial_events_end: bool = False) -> bytes:
        """A BOOKMARK line: an object of the kind with nothing but a resourceVersion."""
        metadata: JSONObject = {"resourceVersion": resource_version, "creationTimestamp": None}
        if initial_events_end:
            metadata["annotations"] = {watch.INITIAL_EVENTS_END_ANNOTATION: "true"}
        obj = {
            "kind": self._descriptor.kind,
            "apiVersion": self._descriptor.api_version,
            "metadata": metadata,
        }
        return _TYPES[watch.BOOKMARK] + self._encode(objects.encode(obj)) + b"}\n"

    def _encode(self, body: bytes) -> bytes:
        encoded = self._form.encode(body, first=self._is_first)
        self._is_first = False
        return encoded


def _previous(event: Event) -> bytes:
    """The previous object of an event at the event's revision: what a watcher sees of one that left."""
    obj: dict[str, Any] = objects.decode(event.previous or event.body)
    objects.metadata(obj)["resourceVersion"] = resourceversion.format(event.revision)
    return objects.encode(obj)
