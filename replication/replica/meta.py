"""What the meta hash of a replica says; it is the only place where progress is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from replication.replica import connection
from replication.replica.connection import Client, Error
from replication.replica.keys import Family

_EPOCH_DIGITS = 15  # at most; what is longer did not come from us, and fits no column


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
            epoch=_epoch(fields[b"epoch"]),
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


def _epoch(text: bytes) -> int:
    if not text.isdigit() or len(text) > _EPOCH_DIGITS:
        raise ValueError(text)
    return int(text)


def read(client: Client, family: Family) -> Meta | None:
    """The state of a replica as of now, None when Redis has none that can be read."""
    try:
        return parse(client.hgetall(family.meta))
    except Error as error:
        if connection.is_wrong_type(error):
            return None
        raise


def remaining_epoch(client: Client, family: Family) -> int | None:
    """The epoch in a meta key that cannot be read as a whole; 0 when it names none, None when there is no key."""
    kind = client.type(family.meta)
    if kind == b"none":
        return None
    return _named_epoch(client.hget(family.meta, "epoch")) if kind == b"hash" else 0


def _named_epoch(answer: Any) -> int:
    """The epoch in an answer of Redis, 0 when there is none or it is no number."""
    try:
        return _epoch(answer)
    except (ValueError, AttributeError):
        return 0


@dataclass(frozen=True, slots=True)
class Health:
    """A replica's state, the objects there are, and whether its keys hold as much as it says.

    They do not when somebody evicted or deleted some of them.
    """

    meta: Meta | None
    objects: int = 0
    is_whole: bool = False


def inspect(client: Client, families: Sequence[Family]) -> list[Health]:
    """The health of some replicas (a few hundred), in two round trips.

    Keys of a wrong type are as good as lost ones, and concern no replica but their own.
    """
    with client.pipeline(transaction=False) as pipeline:
        for family in families:
            pipeline.hget(family.meta, "epoch")
        epochs = [_named_epoch(answer) for answer in _answers(pipeline)]
    with client.pipeline(transaction=True) as pipeline:
        for family, epoch in zip(families, epochs, strict=True):
            pipeline.hgetall(family.meta)
            pipeline.hlen(family.objects(epoch))
            pipeline.zcard(family.index(epoch))
            pipeline.xlen(family.stream)
        answers = _answers(pipeline)
    return [_health(epochs[at // 4], *answers[at : at + 4]) for at in range(0, len(answers), 4)]


def _answers(pipeline: Any) -> list[Any]:
    """What a pipeline's commands answered: an error in the place of each that met a key of a wrong type."""
    answers: list[Any] = pipeline.execute(raise_on_error=False)
    for answer in answers:
        if isinstance(answer, Exception) and not connection.is_wrong_type(answer):
            raise answer
    return answers


def _health(epoch: int, fields: Any, objects: Any, names: Any, entries: Any) -> Health:
    meta = None if isinstance(fields, Error) else parse(fields)
    if meta is None:
        return Health(None)
    if meta.epoch != epoch:  # filled between the two looks; the next one sees it
        return Health(meta, meta.count, True)
    is_whole = (objects, names, entries) == (meta.count, meta.count, meta.entries)
    return Health(meta, 0 if isinstance(objects, Error) else objects, is_whole)
