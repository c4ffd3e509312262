"""What the meta hash of a replica says; it is the only place where progress is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from replication.replica.connection import Client
from replication.replica.keys import Family


@dataclass(frozen=True, slots=True)
class Meta:
    """The state of a replica.

    `cursor` is the store revision up to which it is complete, `epoch` the fill that made it (and the name of
    its generation of keys), `selection` the number of the selector it follows, `is_settling` whether what
    the last change of the selector makes enter or leave is not all done. Behind `compacted` the stream has
    no gap. `updated` is the time of the last batch, in seconds since 1970.
    """

    cursor: int
    epoch: int
    selection: int
    is_settling: bool
    count: int
    size_bytes: int
    checksum: int
    compacted: int
    entries: int
    stream_bytes: int
    identity: str
    updated: float


def parse(fields: Mapping[bytes, bytes]) -> Meta | None:
    """The meta hash as read from Redis; None when it is missing or somebody tampered with it."""
    try:
        return Meta(
            cursor=int(fields[b"cursor"]),
            epoch=int(fields[b"epoch"]),
            selection=int(fields[b"selection"]),
            is_settling=fields[b"settling"] != b"0",
            count=int(fields[b"count"]),
            size_bytes=int(fields[b"bytes"]),
            checksum=int(fields[b"checksum"]),
            compacted=int(fields[b"compacted"]),
            entries=int(fields[b"entries"]),
            stream_bytes=int(fields[b"stream_bytes"]),
            identity=fields[b"identity"].decode(),
            updated=float(fields[b"updated"]),
        )
    except (KeyError, ValueError):
        return None


def read(client: Client, family: Family) -> Meta | None:
    """The state of a replica as of now, None when Redis has none."""
    return parse(client.hgetall(family.meta))


@dataclass(frozen=True, slots=True)
class Health:
    """A replica's state, the objects there are, and whether its keys hold as much as it says.

    They do not when somebody evicted or deleted some of them.
    """

    meta: Meta | None
    objects: int = 0
    is_whole: bool = False


def inspect(client: Client, families: Sequence[Family]) -> list[Health]:
    """The health of some replicas (a few hundred), in two round trips."""
    with client.pipeline(transaction=False) as pipeline:
        for family in families:
            pipeline.hget(family.meta, "epoch")
        epochs = [int(epoch or 0) for epoch in pipeline.execute()]
    with client.pipeline(transaction=True) as pipeline:
        for family, epoch in zip(families, epochs, strict=True):
            pipeline.hgetall(family.meta)
            pipeline.hlen(family.objects(epoch))
            pipeline.zcard(family.index(epoch))
            pipeline.xlen(family.stream)
        answers = pipeline.execute()
    return [
        _health(parse(answers[at]), epochs[at // 4], *answers[at + 1 : at + 4])
        for at in range(0, len(answers), 4)
    ]


def _health(meta: Meta | None, epoch: int, objects: int, names: int, entries: int) -> Health:
    if meta is None:
        return Health(None)
    if meta.epoch != epoch:  # filled between the two looks; the next one sees it
        return Health(meta, meta.count, True)
    return Health(meta, objects, (objects, names, entries) == (meta.count, meta.count, meta.entries))
