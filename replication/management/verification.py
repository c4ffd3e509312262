"""What each replica should hold, derived once more from raw rows and compared with raw Redis.

Shares no code with the writer but the matching of labels: a mistake there must not hide itself here. Key names,
body layout and annotations are therefore spelled out again.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from django.conf import settings
from django.db import connections, transaction

from kcpcache.apimachinery import labels
from replication.models import Replica
from replication.replica import connection
from replication.replica.connection import Client

_ALIAS = "snapshot"
_SHOWN = 100  # differences of one replica
_REVISION: Final = re.compile(r"[1-9][0-9]{0,18}")

Objects = dict[str, dict[str, Any]]


@dataclass(slots=True)
class Report:
    """The verdict about one replica."""

    uid: str
    cluster: str
    name: str
    count: int = 0
    differences: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        return {
            "uid": self.uid,
            "cluster": self.cluster,
            "cachedResource": self.name,
            "count": self.count,
            "differences": self.differences,
        }


def replicas() -> list[Replica]:
    """Every replica that should exist."""
    return list(Replica.objects.filter(shard=settings.KCPCACHE_SHARD, is_deleted=False))


def verify(client: Client, row: Replica, timeout_seconds: float) -> Report:
    """Compare one replica, looking again for a while when it is behind or changes meanwhile."""
    ends_at = time.monotonic() + timeout_seconds
    while True:
        report = _compare(client, row)
        if not report.differences or time.monotonic() > ends_at:
            return report
        time.sleep(0.2)


def _compare(client: Client, row: Replica) -> Report:
    report = Report(row.uid, row.cluster, row.name)
    prefix = f"kcpcache:{{{row.shard}/{row.cluster}/{row.uid}}}:"
    fields = ("epoch", "count", "bytes")
    try:
        values = client.hmget(prefix + "meta", fields)
        meta = {name: _text(value) for name, value in zip(fields, values, strict=True) if value is not None}
        if "epoch" not in meta:
            report.differences.append("there is no replica in Redis")
            return report
        raw: dict[bytes, bytes] = client.hgetall(f"{prefix}{meta['epoch']}:objects")
        index: list[bytes] = client.zrange(f"{prefix}{meta['epoch']}:index", 0, -1)
    except connection.Error as error:
        if not connection.is_wrong_type(error):
            raise
        report.differences.append("a key of the replica holds something else than a replica's")
        return report
    wanted = dict(_wanted(row))
    report.count = len(raw)
    report.differences = [*_counts(meta, raw, index), *_objects(wanted, raw)][:_SHOWN]
    return report


def _counts(meta: dict[str, str], raw: dict[bytes, bytes], index: list[bytes]) -> Iterator[str]:
    count, total = meta.get("count", "no"), meta.get("bytes", "no")
    if count != str(len(raw)):
        yield f"meta counts {count} objects, there are {len(raw)}"
    if sorted(raw) != index:
        yield "the index of names is not that of the objects"
    size_bytes = sum(len(name) + len(body) for name, body in raw.items())
    if total != str(size_bytes):
        yield f"meta counts {total} bytes, there are {size_bytes}"


def _objects(wanted: Objects, raw: dict[bytes, bytes]) -> Iterator[str]:
    wanted_raw = {name.encode(): obj for name, obj in wanted.items()}
    for name in sorted(wanted_raw.keys() - raw.keys()):
        yield f"{_text(name)} is missing"
    for name in sorted(raw.keys() - wanted_raw.keys()):
        yield f"{_text(name)} should not be there"
    for name in sorted(wanted_raw.keys() & raw.keys()):
        if problem := _difference(wanted_raw[name], raw[name]):
            yield f"{_text(name)}: {problem}"


def _difference(wanted: dict[str, Any], body: bytes) -> str:
    if body.count(b"\0") != 1:
        return "the consumer's cluster cannot be put in"
    try:
        found = json.loads(body.replace(b"\0", b""))
    except (ValueError, RecursionError):
        return "it is not an object"
    metadata = found.get("metadata") if isinstance(found, dict) else None
    stated = metadata.pop("resourceVersion", None) if isinstance(metadata, dict) else None
    if not isinstance(stated, str) or not _REVISION.fullmatch(stated):
        return "it is not an object"
    version = int(stated)
    least = int(wanted["metadata"].pop("resourceVersion"))
    if version < least:
        return f"its resourceVersion is {version}, the source's is {least}"
    if found != wanted:
        return "it is not what the source says"
    return ""


def _wanted(row: Replica) -> Iterator[tuple[str, dict[str, Any]]]:
    """What the selected source objects should look like to a consumer, its cluster left empty."""
    selector = labels.from_label_selector(row.selector)
    group_version = f"{row.group}/{row.version}" if row.group else row.version
    with transaction.atomic(using=_ALIAS), connections[_ALIAS].cursor() as cursor:
        cursor.execute(
            'SELECT name, body FROM workspaces_object WHERE cluster = %s AND "group" = %s AND resource = %s'
            " AND identity = %s AND namespace = ''",
            [row.cluster, row.group, row.resource, row.identity],
        )
        for name, body in cursor.fetchall():
            obj = json.loads(bytes(body))
            if selector.matches(obj["metadata"].get("labels") or {}):
                obj["apiVersion"] = group_version
                obj["metadata"].pop("managedFields", None)
                annotations = obj["metadata"].get("annotations") or {}
                annotations.pop("kubectl.kubernetes.io/last-applied-configuration", None)
                obj["metadata"]["annotations"] = {**annotations, "kcp.io/cluster": ""}
                yield name, obj


def stray_keys(client: Client) -> list[str]:
    """Keys of this shard's replicas that no row knows."""
    known = set(Replica.objects.filter(shard=settings.KCPCACHE_SHARD).values_list("cluster", "uid"))
    tags = {f"{settings.KCPCACHE_SHARD}/{cluster}/{uid}" for cluster, uid in known}
    found = []
    for raw in client.scan_iter(match=f"kcpcache:{{{settings.KCPCACHE_SHARD}/*", count=1000):
        key = _text(raw)
        if key.partition("{")[2].partition("}")[0] not in tags:
            found.append(key)
    return sorted(found)


def _text(raw: bytes) -> str:
    """What Redis holds, for a report: whoever tampers with it need not write UTF-8."""
    return raw.decode(errors="replace")


def repair(client: Client, uid: str) -> bool:
    """Fill a replica again; whether this filled it: others may have, or it should not exist any more. Redis errors."""
    from replication import rows
    from replication.replica import fill, meta

    source = rows.find(uid)
    if source is None:
        return False
    present = meta.read(client, source.family)
    above_epoch = present.epoch if present else meta.remaining_epoch(client, source.family) or 0
    return fill.fill(client, source, lambda: None, above_epoch, is_repair=True)
