"""From Redis into a mirror: the whole replica once, then its stream."""

from __future__ import annotations

import time

from kcpcache.apimachinery import errors
from replication.replica import connection, members, meta, scripts
from replication.replica.connection import Client, Error
from replication.replica.item import Change, Item
from replication.replica.keys import Family
from replication.replica.meta import Meta
from replication.replica.mirror import Mirror

_PAGE = 1000  # objects or entries in one answer
_ATTEMPTS = 3  # loads that are overtaken by a fill or by trimming
_NEVER = 2**62  # a revision behind which there is nothing

_Entry = tuple[bytes, list[bytes]]


def catch_up(client: Client, mirror: Mirror) -> bool:
    """Bring a mirror to what Redis has now, loading it if need be.

    Returns False where Redis has no such replica, only an older state than was served, or something that is no
    replica: the mirror is lost.

    Raises:
        redis.RedisError: Redis did not answer; the mirror stays as it was.
    """
    with mirror.catching_up:
        try:
            for _ in range(_ATTEMPTS):
                if _follow(client, mirror) or _load(client, mirror):
                    mirror.seen_at = time.monotonic()
                    return True
        except Error as error:
            if not connection.is_wrong_type(error):
                raise
        mirror.lose()
        return False


def _follow(client: Client, mirror: Mirror) -> bool:
    """Apply the stream behind the mirror's revision; False when the mirror must be loaded (anew)."""
    if not mirror.epoch:
        return False
    while True:
        present, changes = _read(client, mirror.family, mirror.revision)
        if present is None or present.epoch != mirror.epoch or present.compacted > mirror.revision:
            return False
        is_last = len(changes) < _PAGE
        reached = present.cursor if is_last else changes[-1].revision
        # A Redis that was set back has a smaller cursor: the worker writes the same entries again.
        if changes or reached > mirror.revision or mirror.is_lost:
            mirror.apply(changes, reached)
        if is_last:
            return True


def _load(client: Client, mirror: Mirror) -> bool:
    """Read everything; False when there is nothing, or it changed too much while it was read."""
    before, _ = _read(client, mirror.family, _NEVER)
    if before is None or before.cursor < mirror.floor:
        return False
    bodies = _bodies(client, mirror.family, before.epoch)
    # From where the mirror stands, if the stream reaches there: then its watchers can go on.
    begin = max(before.compacted, min(before.cursor, mirror.revision or before.cursor))
    cursor, since = begin, list[Change]()
    while True:
        present, changes = _read(client, mirror.family, cursor)
        if present is None or present.epoch != before.epoch or present.compacted > cursor:
            return False
        for change in changes:
            if change.type == "D":
                bodies.pop(change.item.name, None)
            else:
                bodies[change.item.name] = change.item.body
        since += changes
        if len(changes) < _PAGE:
            break
        cursor = changes[-1].revision
    if len(bodies) != present.count:
        return False
    items = [Item(name, bodies[name]) for name in sorted(bodies)]
    mirror.replace(present.epoch, present.cursor, items, begin, since)
    return True


def _bodies(client: Client, family: Family, epoch: int) -> dict[str, bytes]:
    """All objects, each as of some moment while this ran; the stream behind the cursor makes them agree."""
    found: dict[str, bytes] = {}
    for names in members.pages(client, family, epoch, _PAGE):
        values = client.hmget(family.objects(epoch), names)
        found.update(
            (name.decode(), value) for name, value in zip(names, values, strict=True) if value is not None
        )
    return found


def _read(client: Client, family: Family, after: int) -> tuple[Meta | None, list[Change]]:
    """The state and the changes behind a revision; no state where it and the stream do not belong together.

    They do not when somebody evicted, deleted or wrote one of the two: changes that are not there any more would
    pass for changes that never were.
    """
    fields, entries, count = scripts.of(client).follow(keys=[family.meta, family.stream], args=[after, _PAGE])
    present = meta.parse(dict(zip(fields[::2], fields[1::2], strict=True)))
    if present is None or present.entries != count:
        return None, []
    try:
        return present, [_change(entry) for entry in entries]
    except (KeyError, ValueError):
        return None, []


def _change(entry: _Entry) -> Change:
    number, parts = entry
    fields = dict(zip(parts[::2], parts[1::2], strict=True))
    name, previous = fields[b"k"].decode(), fields.get(b"p")
    return Change(
        int(number.partition(b"-")[0]),
        fields[b"t"].decode(),
        Item(name, fields[b"o"]),
        None if previous is None else Item(name, previous),
    )


def extend_history(client: Client, mirror: Mirror, revision: int) -> None:
    """Read entries from before the mirror's memory, so that it reaches `revision`.

    Raises:
        Expired: the stream does not reach it either.
    """
    for _ in range(_ATTEMPTS):
        epoch = mirror.epoch
        changes, reached = _history(client, mirror, epoch, revision)
        if mirror.extend_log(epoch, changes, revision, reached):
            return
    raise errors.ServiceUnavailable(
        "the replica changes too fast to read older revisions", retry_after_seconds=1
    )


def _history(client: Client, mirror: Mirror, epoch: int, revision: int) -> tuple[list[Change], int]:
    """All changes behind a revision, and the revision up to which that is all; Expired."""
    if revision < mirror.oldest:
        raise errors.expired_resource_version(revision, mirror.oldest)
    cursor, found = revision, list[Change]()
    while True:
        present, changes = _read(client, mirror.family, cursor)
        if present is None or present.epoch != epoch or present.compacted > cursor:
            raise errors.expired_resource_version(revision, present.compacted if present else mirror.revision)
        found += changes
        if len(changes) < _PAGE:
            return found, present.cursor
        cursor = changes[-1].revision


def poll(client: Client, mirrors: list[Mirror]) -> list[Mirror]:
    """Which of some mirrors are not what Redis has, by one round trip; the others were seen to be current.

    One whose key Redis cannot read is among the former, and stands in nobody else's way.
    """
    with client.pipeline(transaction=False) as pipeline:
        for mirror in mirrors:
            pipeline.hmget(mirror.family.meta, "cursor", "epoch")
        answers = pipeline.execute(raise_on_error=False)
    now = time.monotonic()
    behind = []
    for mirror, answer in zip(mirrors, answers, strict=True):
        if answer == [b"%d" % mirror.revision, b"%d" % mirror.epoch] and not mirror.is_lost:
            mirror.seen_at = now
        else:
            behind.append(mirror)
    return behind
