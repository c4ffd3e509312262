"""Cells of built-in kinds that no JSONPath can say.

A printer column with the key `function` names one of `FUNCTIONS`; columns of type ``date`` yield the timestamp, which
the Table shows as an age like any other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kcpcache.apimachinery.objects import JSONObject


def data_count(obj: JSONObject) -> str:
    """DATA of Secrets and ConfigMaps: how many keys there are."""
    return str(len(obj.get("data") or {}) + len(obj.get("binaryData") or {}))


def secrets_count(obj: JSONObject) -> str:
    """SECRETS of ServiceAccounts."""
    return str(len(obj.get("secrets") or []))


def event_first_seen(obj: JSONObject) -> str | None:
    """FIRST SEEN of Events, the timestamp."""
    return obj.get("firstTimestamp") or obj.get("eventTime")


def event_last_seen(obj: JSONObject) -> str | None:
    """LAST SEEN of Events, the timestamp."""
    series = obj.get("series") or {}
    return series.get("lastObservedTime") or obj.get("lastTimestamp") or event_first_seen(obj)


def event_count(obj: JSONObject) -> int:
    """COUNT of Events: how often it happened."""
    series = obj.get("series")
    return int((series or obj).get("count") or 1)


def event_object(obj: JSONObject) -> str:
    """OBJECT of Events: ``kind/name`` of what it is about."""
    involved = obj.get("involvedObject") or {}
    kind = str(involved.get("kind") or "").lower()
    return f"{kind}/{involved['name']}" if involved.get("name") else kind


def event_source(obj: JSONObject) -> str:
    """SOURCE of Events: who reported it, and where."""
    source = obj.get("source") or {}
    component = source.get("component") or obj.get("reportingComponent") or ""
    place = source.get("host") or obj.get("reportingInstance") or ""
    return ", ".join(part for part in (component, place) if part)


def event_message(obj: JSONObject) -> str:
    """MESSAGE of Events, in one piece."""
    return str(obj.get("message") or "").strip()


FUNCTIONS: Mapping[str, Callable[[JSONObject], Any]] = {
    function.__name__: function
    for function in (
        data_count,
        secrets_count,
        event_first_seen,
        event_last_seen,
        event_count,
        event_object,
        event_source,
        event_message,
    )
}
