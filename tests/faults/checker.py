"""Judges what a recorder saw against the invariants; each function returns the violations it found.

I1 `delivered`, `resumable`   I2 `rebuilt`, `consistent`   I5 `equal_to_source`   I12 `kept`   all: `history`
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from tests.faults.ledger import ADDED, DELETED, NUMBER, Ledger, Outcome, Write
from tests.faults.recorder import Watcher
from tests.faults.records import Bookmark, Change, Entry, Expired, Failed, Key, Listing, Resumed, Seen

CLUSTER = "kcp.io/cluster"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"

State = Mapping[Key, Seen]


def history(watcher: Watcher) -> list[str]:
    """What one recording must be by itself: I1's order, and every change one that its state allows.

    In a view of all consumers the events of one revision come together, and may come again where the watch
    was resumed inside them; nowhere else does a revision come twice.
    """
    found: list[str] = []
    state: dict[Key, Seen] = {}
    least = revision = 0  # the next event's revision is at least `least`; the last one's was `revision`
    is_resumed = False  # within the events behind a resumption
    told: set[Key] = set()  # the objects that the events of `revision` were about
    for entry in watcher.entries:
        if isinstance(entry, Failed):
            found.append(f"{watcher.name}: {entry.what}")
        elif isinstance(entry, Listing):
            if entry.revision < revision:
                found.append(f"{watcher.name}: a list at {entry.revision} after revision {revision}")
            state = {item.key: item for item in entry.items}
            least, revision, told = entry.revision + 1, entry.revision, set()
        elif isinstance(entry, Bookmark):
            least = max(least, entry.revision + (not watcher.is_wildcard))
        elif isinstance(entry, Change):
            now, key = entry.seen.revision, entry.seen.key
            told = told if now == revision else set()
            if now < least or (key in told and not is_resumed):
                found.append(f"{watcher.name}: {_say(entry)} after revision {revision}")
            elif key not in told:
                found += [f"{watcher.name}: {each}" for each in _apply(state, entry)]
            told.add(key)
            least, revision = now + (not watcher.is_wildcard), now
        is_resumed = isinstance(entry, Resumed) or (is_resumed and isinstance(entry, Change))
    return found


def delivered(watcher: Watcher, ledger: Ledger) -> list[str]:
    """I1: each acknowledged write came as one event, each event is a write; from every list to the next."""
    found: list[str] = []
    by_name = ledger.by_name()
    parts = list(segments(watcher.entries))
    for number, (listing, changes) in enumerate(parts, 1):
        events: dict[str, list[Change]] = {}
        for change in changes:
            events.setdefault(change.seen.key[2], []).append(change)
        present = {item.key[2]: item for item in listing.items} if listing else {}
        begin = listing.revision if listing else 0
        for name, writes in by_name.items():
            due = _due(writes, present.get(name), begin)
            left = _match(due, events.pop(name, []))
            if isinstance(left, str):
                found.append(f"{watcher.name}: {name}: {left}")
            elif number == len(parts) and left:
                found.append(f"{watcher.name}: {name}: never saw {left[0].event} number {left[0].number}")
        found += [f"{watcher.name}: nobody wrote {name}" for name in events]
    return found


def resumable(watcher: Watcher, replays: Iterable[Watcher], end: int) -> list[str]:
    """I1: a watch opened behind any event delivers the same bytes as the recording after it, up to `end`."""
    whole = [change for change in watcher.changes if change.seen.revision <= end]
    found = []
    for replay in replays:
        expected = [_same(change) for change in whole if change.seen.revision > (replay.behind or 0)]
        got = [_same(change) for change in replay.changes if change.seen.revision <= end]
        if got != expected:
            found.append(f"{replay.name}: {len(got)} events, not the {len(expected)} that were recorded")
        if any(isinstance(entry, Listing) for entry in replay.entries):
            found.append(f"{replay.name}: was refused")
    return found


def rebuilt(watcher: Watcher, end: Listing) -> list[str]:
    """I2: the recording's last list and the events after it, up to `end`, make the list `end` byte for byte."""
    begin, changes = list(segments(watcher.entries))[-1]
    if begin is None:
        return [f"{watcher.name}: never listed"]
    state = {item.key: item for item in begin.items}
    for change in changes:
        if change.seen.revision <= end.revision:
            _apply(state, change)
    return [f"{watcher.name}: {each}" for each in _differences(state, end)]


def consistent(reads: Iterable[Listing], watcher: Watcher) -> list[str]:
    """I2 for lists read at any time: each holds what the recording says was there at its revision.

    Names and revisions are compared, so the recording may be the source's and the lists a consumer's.
    """
    if any(isinstance(entry, Expired) for entry in watcher.entries):
        return [f"{watcher.name}: has a gap, so lists cannot be held against it"]
    found = []
    timeline = _Timeline(watcher)
    for read in sorted(reads, key=lambda each: each.revision):
        expected = timeline.at(read.revision)
        got = {item.key[2]: item.revision for item in read.items}
        if expected is not None and got != expected:
            missing, extra = sorted(expected.keys() - got.keys()), sorted(got.keys() - expected.keys())
            found.append(
                f"a list at {read.revision} holds {len(got)} objects, not {len(expected)}; "
                f"missing {missing[:3]}, too many {extra[:3]}"
            )
    return found


def one_body_each(listings: Iterable[Listing], watchers: Iterable[Watcher]) -> list[str]:
    """An object at a revision has the same bytes wherever one reader meets it."""
    bodies: dict[tuple[Key, int], bytes] = {}
    found = []
    sightings = [item for listing in listings for item in listing.items]
    sightings += [change.seen for each in watchers for change in each.changes if change.type != DELETED]
    for each in sightings:
        if bodies.setdefault((each.key, each.revision), each.body) != each.body:
            found.append(f"{each.key[2]} at {each.revision} was read with two bodies")
    return found


def equal_to_source(consumer: Listing, source: Listing, cluster: str, *, entered: bool = False) -> list[str]:
    """I5: a consumer in `cluster` reads what the provider wrote but for the named metadata.

    `entered` says that a selector was edited: then an object's resourceVersion may be larger.
    """
    wanted = {item.key[2]: item for item in source.items}
    got = {item.key[2]: item for item in consumer.items}
    found = [f"{name} is missing" for name in sorted(wanted.keys() - got.keys())]
    found += [f"{name} should not be there" for name in sorted(got.keys() - wanted.keys())]
    for name in sorted(wanted.keys() & got.keys()):
        if got[name].revision != wanted[name].revision and not (
            entered and got[name].revision > wanted[name].revision
        ):
            found.append(f"{name} is at {got[name].revision}, the source at {wanted[name].revision}")
        elif json.loads(got[name].body) != _as_consumer(wanted[name].body, cluster, got[name].revision):
            found.append(f"{name} is not what the provider wrote")
    return found


def kept(ledger: Ledger, source: Listing) -> list[str]:
    """I12: the provider's objects are as the last acknowledged write left them, or a later unknown one."""
    found = []
    present = {item.key[2]: item for item in source.items}
    for name, writes in ledger.by_name().items():
        last = max((at for at, each in enumerate(writes) if each.outcome is Outcome.ACKNOWLEDGED), default=-1)
        state = _state_of(present.get(name))
        allowed = {None if each.event == DELETED else each.number for each in writes[max(last, 0) :]}
        if last < 0:
            allowed.add(None)
        if state not in allowed:
            found.append(f"{name} is in state {state}, not one of {sorted(map(str, allowed))}")
    return found


def segments(entries: Sequence[Entry]) -> Iterator[tuple[Listing | None, list[Change]]]:
    """Each list and the events up to the next one."""
    listing: Listing | None = None
    changes: list[Change] = []
    for entry in entries:
        if isinstance(entry, Listing):
            if listing is not None or changes:
                yield listing, changes
            listing, changes = entry, []
        elif isinstance(entry, Change):
            changes.append(entry)
    yield listing, changes


class _Timeline:
    """Names and revisions of the objects at each revision of a recording; asked in rising order."""

    def __init__(self, watcher: Watcher) -> None:
        self._entries = [entry for entry in watcher.entries if isinstance(entry, (Listing, Change))]
        self._place = 0
        self._state: dict[str, int] = {}
        self._first = next(entry.revision for entry in self._entries if isinstance(entry, Listing))

    def at(self, revision: int) -> dict[str, int] | None:
        if revision < self._first:
            return None
        while self._place < len(self._entries):
            entry = self._entries[self._place]
            if (entry.revision if isinstance(entry, Listing) else entry.seen.revision) > revision:
                break
            if isinstance(entry, Listing):
                self._state = {item.key[2]: item.revision for item in entry.items}
            elif entry.type == DELETED:
                self._state.pop(entry.seen.key[2], None)
            else:
                self._state[entry.seen.key[2]] = entry.seen.revision
            self._place += 1
        return dict(self._state)


def _apply(state: dict[Key, Seen], change: Change) -> list[str]:
    """Make a change; what is wrong with it."""
    key, was_there = change.seen.key, change.seen.key in state
    if change.type == DELETED:
        state.pop(key, None)
    else:
        state[key] = change.seen
    if was_there == (change.type == ADDED):
        return [f"{_say(change)}, which was {'there' if was_there else 'not there'}"]
    return []


def _due(writes: Sequence[Write], present: Seen | None, begin: int) -> list[Write]:
    """The writes of one name that a watch must show which begins behind a list at `begin`."""
    done = -1
    for at, write in enumerate(writes):
        if write.revision and write.revision <= begin:
            done = at
    if present is not None:
        # The state in the list may come from a write whose answer was lost.
        number = _state_of(present)
        done = max([done, *(at for at, write in enumerate(writes) if write.number == number)])
    elif done >= 0:
        done = next((at for at in range(done, len(writes)) if writes[at].event == DELETED), done)
    return list(writes[done + 1 :])


def _match(due: Sequence[Write], events: Sequence[Change]) -> list[Write] | str:
    """The acknowledged writes that no event showed; or what is wrong with an event."""
    place = 0
    for event in events:
        while place < len(due) and not _shows(event, due[place]):
            if due[place].outcome is Outcome.ACKNOWLEDGED:
                return f"{_say(event)} came where {due[place].event} number {due[place].number} was due"
            place += 1
        if place == len(due):
            return f"{_say(event)} came, which nobody wrote or which had come before"
        place += 1
    return [write for write in due[place:] if write.outcome is Outcome.ACKNOWLEDGED]


def _shows(event: Change, write: Write) -> bool:
    if event.type != write.event or (write.revision and write.revision != event.seen.revision):
        return False
    return event.type == DELETED or _state_of(event.seen) == write.number


def _state_of(item: Seen | None) -> int | None:
    if item is None:
        return None
    annotations = json.loads(item.body)["metadata"].get("annotations") or {}
    return int(annotations.get(NUMBER, 0))


def _as_consumer(source_body: bytes, cluster: str, revision: int) -> Any:
    obj = json.loads(source_body)
    metadata = obj["metadata"]
    metadata.pop("managedFields", None)
    annotations = metadata.get("annotations") or {}
    annotations.pop(LAST_APPLIED, None)
    metadata["annotations"] = {**annotations, CLUSTER: cluster}
    metadata["resourceVersion"] = str(revision)
    return obj


def _differences(state: State, listing: Listing) -> list[str]:
    expected = {key: item.body for key, item in state.items()}
    got = {item.key: item.body for item in listing.items}
    found = [f"{key[2]} is not in the list" for key in sorted(expected.keys() - got.keys())]
    found += [f"{key[2]} is in the list and should not" for key in sorted(got.keys() - expected.keys())]
    found += [
        f"{key[2]} is listed with other bytes than its last event had"
        for key in sorted(expected.keys() & got.keys())
        if expected[key] != got[key]
    ]
    if [item.key for item in listing.items] != sorted(got):
        found.append("the list is not in order")
    return found


def _say(change: Change) -> str:
    return f"{change.type} {change.seen.key[2]} at {change.seen.revision}"


def _same(change: Change) -> tuple[str, bytes]:
    return change.type, change.seen.body
