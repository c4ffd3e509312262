"""The only writer of a replica's stream: bounded, fenced, atomic batches."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from django.conf import settings

from replication.replica import connection, keys, meta, scripts
from replication.replica.connection import Client, Error
from replication.replica.keys import Family

MAX_ENTRIES = 500
MAX_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Entry:
    """One change: an object is put in (added or changed), or taken out if it is there.

    `body` is the object after the change, or its last state with the revision at which it left.
    """

    revision: int
    name: str
    body: bytes
    leaves: bool = False


@dataclass(frozen=True, slots=True)
class Batch:
    """The entries with `start` < revision <= `end`, in order.

    Applied only to a replica whose cursor is `start`, made by the fill `epoch` and following `selection`.
    `settles` says that nothing is left to do of the last change of the selector.
    """

    start: int
    end: int
    epoch: int
    selection: int
    entries: Sequence[Entry]
    settles: bool = False


def apply(client: Client, family: Family, batch: Batch) -> str:
    """Apply a batch in one step.

    Returns ``applied``, or what forbids it: ``missing``, ``damaged``, ``epoch``, ``cursor``, ``selection``.
    """
    arguments: list[str | int | bytes] = [
        batch.start,
        batch.end,
        batch.epoch,
        batch.selection,
        int(batch.settles),
        int(time.time()),
        settings.KCPCACHE_STREAM_SECONDS,
        settings.KCPCACHE_STREAM_BYTES,
        keys.CHANNEL,
        family.tag,
    ]
    for entry in batch.entries:
        arguments += (entry.revision, "L" if entry.leaves else "U", entry.name, entry.body)
    names = [family.meta, family.stream, family.objects(batch.epoch), family.index(batch.epoch)]
    answer: bytes = scripts.of(client).apply(keys=names, args=arguments)
    return answer.decode()


def bounded(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    """Split entries so that no script runs long; one object may be larger than the bound."""
    part: list[Entry] = []
    size_bytes = 0
    for entry in entries:
        if part and (len(part) >= MAX_ENTRIES or size_bytes + len(entry.body) > MAX_BYTES):
            yield part
            part, size_bytes = [], 0
        part.append(entry)
        size_bytes += len(entry.body)
    if part:
        yield part


def drop(client: Client, family: Family, found: Iterable[int] = ()) -> None:
    """Remove every key of a replica: of the generations it lists, and of those that were `found` besides."""
    drop_generations(client, family, [*generations(client, family).union(found)])
    client.unlink(*family.fixed())


def generations(client: Client, family: Family) -> set[int]:
    """The generations that a replica lists; none where somebody put something else in the place of the list."""
    try:
        listed = client.smembers(family.generations)
    except Error as error:
        if not connection.is_wrong_type(error):
            raise
        return set()
    return {int(generation) for generation in listed if generation.isdigit()}


def drop_generations(client: Client, family: Family, generations: Sequence[int]) -> None:
    """Remove the objects of some generations; Redis frees them in the background."""
    for generation in generations:
        client.unlink(family.objects(generation), family.index(generation))
    if generations:
        client.srem(family.generations, *generations)


def drop_former(client: Client, family: Family, found: Iterable[int]) -> None:
    """Remove those of some generations that lie before the live one: none of them can be switched to any more."""
    present = meta.read(client, family)
    if present is not None:
        former = [generation for generation in found if generation < present.epoch]
        drop_generations(client, family, former)


def families(client: Client, shard: str) -> dict[Family, set[int]]:
    """Every replica of a shard that has any key, and the generations that have."""
    found: dict[Family, set[int]] = {}
    for key in client.scan_iter(match=keys.families_pattern(shard), count=1000):
        if (place := keys.located(key.decode(errors="replace"))) is not None:
            family, generation = place
            found.setdefault(family, set()).update(() if generation is None else (generation,))
    return found


def orphans(client: Client, shard: str, known_uids: set[str]) -> list[Family]:
    """Families of a shard that belong to no replica."""
    return [family for family in families(client, shard) if family.uid not in known_uids]
