"""What this process has answered, in kube-apiserver's names, for `/metrics`.

Requests are counted by `handler.finish`, where all of them end. A series is a list of numbers behind one lock:
prometheus-client's own children cost three times as much, on a path that serves thousands of reads a second.
The figures are this process's own: each web process is scraped by itself.
"""

from __future__ import annotations

import threading
import time
from bisect import bisect_left

from kcpcache.apiserver.exchange import Request, Response

BUCKETS_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

LABELS = ("verb", "group", "version", "resource", "subresource", "scope", "code")
_VERBS = {
    "get": "GET", "list": "LIST", "watch": "WATCH", "create": "POST", "update": "PUT", "patch": "PATCH",
    "delete": "DELETE", "deletecollection": "DELETECOLLECTION",
}  # fmt: skip
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

Labels = tuple[str, ...]  # the values of `LABELS`


class Requests:
    """Counts requests and how long they took.

    Labels come from the resource that was found, never from the URL: strangers must not make series. What
    tenants define is one series a kind of origin, ``(crd)``, ``(binding)`` or ``(virtual)``, as a series a
    custom resource would be one a tenant.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._series: dict[tuple[object, ...], list[float]] = {}

    def count(self, request: Request, answer: object, status: int) -> None:
        """Count one request whose answer is ready; a watch has no duration, as it only begins now."""
        seconds = time.perf_counter() - request.started if request.started else 0.0
        info, descriptor = request.info, request.descriptor
        if info is None or descriptor is None:
            key: tuple[object, ...] = (request.method, status)
        elif descriptor.origin == "builtin":
            key = (
                info.verb, descriptor.group, descriptor.version, descriptor.plural, info.subresource,
                info.name == "", info.namespace == "", status,
            )  # fmt: skip
        else:
            key = (
                info.verb,
                descriptor.origin,
                info.subresource,
                info.name == "",
                info.namespace == "",
                status,
            )
        series = self._series.get(key) or self._new(key)
        slot = bisect_left(BUCKETS_SECONDS, seconds) + 1 if isinstance(answer, Response) else -1
        with self._lock:
            series[slot] += 1
            series[0] += seconds if slot > 0 else 0.0

    def _new(self, key: tuple[object, ...]) -> list[float]:
        if len(key) == 2 and key[0] not in _METHODS:
            key = ("", key[1])  # any word may stand where a method should
        return self._series.setdefault(key, [0.0] * (len(BUCKETS_SECONDS) + 3))

    def by_labels(self) -> dict[Labels, list[float]]:
        """Each series as of now: the sum of seconds, the count of each bucket and above, and what has no duration."""
        with self._lock:
            found = {key: list(series) for key, series in self._series.items()}
        return {_labels(key): series for key, series in found.items()}


def _labels(key: tuple[object, ...]) -> Labels:
    if len(key) == 2:
        method, code = key
        return (str(method), "", "", "", "", "", str(code))
    if len(key) == 6:
        verb, origin, subresource, is_nameless, is_wide, code = key
        group, version, resource = "", "", f"({origin})"
    else:
        verb, group, version, resource, subresource, is_nameless, is_wide, code = key  # type: ignore[assignment]
    scope = "resource" if not is_nameless else "cluster" if is_wide else "namespace"
    return (_VERBS.get(str(verb), ""), group, version, resource, str(subresource), scope, str(code))


requests = Requests()
