"""What a change did to an object, as lines that were added and taken away."""

from __future__ import annotations

import datetime
import difflib
from dataclasses import dataclass

from kcpcache.apimachinery import objects
from kcpcache.apimachinery.objects import JSONObject
from kcpcache.apimachinery.storage import Key
from workspaces.admin import yamltext
from workspaces.store import inspection
from workspaces.store.inspection import PastChange

SHOWN = 20  # changes
_LINES = 200  # of one change
_COMPARED_BYTES = 64 * 1024
_KINDS = {"A": "Created", "M": "Changed", "D": "Deleted"}


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a difference: `sign` is ``+``, ``-`` or a blank."""

    sign: str
    text: str


@dataclass(frozen=True, slots=True)
class Change:
    """An entry of the change log for people; `lines` is empty where there is nothing that may be shown."""

    revision: int
    kind: str
    at: datetime.datetime
    by: str
    lines: list[Line]
    note: str = ""


def of(key: Key) -> list[Change]:
    """The newest changes of an object."""
    return [_change(past) for past in inspection.history(key, SHOWN)]


def _change(past: PastChange) -> Change:
    kind = _KINDS.get(past.kind, past.kind)
    if past.body is None:
        return Change(past.revision, kind, past.at, "", [], "The content of secrets is not shown.")
    by = _last_manager(past.body)
    if past.previous is None or past.kind == "D":
        return Change(past.revision, kind, past.at, by if past.kind == "A" else "", [])
    if max(len(past.body), len(past.previous)) > _COMPARED_BYTES:
        return Change(past.revision, kind, past.at, by, [], "The object is too large to be compared here.")
    lines = _difference(past.previous, past.body)
    note = f"The first {_LINES} lines." if len(lines) > _LINES else ""
    return Change(past.revision, kind, past.at, by, lines[:_LINES], note)


def _difference(before: bytes, after: bytes) -> list[Line]:
    former, latter = (yamltext.of(_quiet(body)).splitlines() for body in (before, after))
    found = difflib.unified_diff(former, latter, lineterm="", n=2)
    return [
        Line("…" if line.startswith("@@") else line[:1], "" if line.startswith("@@") else line[1:])
        for line in found
        if not line.startswith(("---", "+++"))
    ][1:]


def _quiet(body: bytes) -> JSONObject:
    """Without what changes at every write."""
    obj = objects.decode(body)
    for field in ("resourceVersion", "managedFields"):
        obj["metadata"].pop(field, None)
    return obj


def _last_manager(body: bytes) -> str:
    """Who wrote last, as far as managedFields tell."""
    entries = objects.decode(body)["metadata"].get("managedFields") or []
    last: JSONObject = max(entries, key=lambda entry: str(entry.get("time") or ""), default={})
    manager = str(last.get("manager") or "")
    return "" if manager == "unknown" else manager
