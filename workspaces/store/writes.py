"""What a writing transaction collects, and how it is written when it ends."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from kcpcache.apimachinery import objects as api_objects
from kcpcache.apimachinery.objects import JSONObject
from kcpcache.apimachinery.storage import Key, Record
from workspaces import models, signals
from workspaces.store import broadcast, indexes, rows, statements, stored
from workspaces.store.indexes import IndexEntry
from workspaces.store.rows import Written
from workspaces.store.stored import Stored

# Stands in an encoded body where the revision will be. Nobody can guess it, so no object contains it.
_MARK = uuid.uuid4().hex
_MARK_BYTES = _MARK.encode()


class Pending:
    """A write that was collected; what became of it is known once the transaction was flushed."""

    __slots__ = ("_written",)

    def __init__(self) -> None:
        self._written: Written | None = None

    @property
    def written(self) -> Written:
        """The change as it stands in the log."""
        if self._written is None:
            raise RuntimeError("the write has no revision before the transaction was flushed")
        return self._written

    @property
    def record(self) -> Record:
        """The object as it was stored; for a deletion its last state."""
        written = self.written
        return Record(written.key, written.revision, written.body, written.labels)


@dataclass(frozen=True, slots=True)
class _Operation:
    change: statements.Change
    before: Stored | None
    labels: dict[str, str]
    replacement: indexes.Replacement
    pending: Pending


class Transaction:
    """Collects writes of locked objects; `workspaces.store.objects.writing` makes it."""

    def __init__(self, database: BaseDatabaseWrapper, keys: Iterable[Key]) -> None:
        self._database = database
        self._keys = frozenset(keys)
        self._operations: dict[Key, _Operation] = {}
        self._has_revision = False
        self._stored = stored.lock_and_read(database, list(self._keys))

    def get(self, key: Key) -> Record | None:
        """The object as this transaction sees it."""
        before = self._now(key)
        return before.record if before else None

    def put(
        self, key: Key, obj: JSONObject, *, indexes: Sequence[IndexEntry] = (), discovery: bool = False
    ) -> Pending:
        """Create or replace an object.

        Args:
            key: one of the transaction's keys.
            obj: the whole object with `metadata.uid`; its `resourceVersion` in the store is the new revision.
            indexes: every value under which it shall be found from now on.
            discovery: whether this changes what some workspace serves.
        """
        if not api_objects.metadata(obj).get("uid"):
            raise ValueError(f"{key} has no metadata.uid")
        before = self._now(key)
        return self._collect("M" if before else "A", key, before, obj, indexes, discovery)

    def delete(self, key: Key, *, last: JSONObject | None = None, discovery: bool = False) -> Pending:
        """Remove an object, which exists; `last` is its last state if that is not what is stored."""
        before = self._now(key)
        if before is None:
            raise LookupError(f"{key} does not exist")
        obj = last if last is not None else api_objects.decode(before.record.body)
        return self._collect("D", key, before, obj, (), discovery)

    def flush(self) -> None:
        """Write what was collected so far, and send `signals.changed` for each change.

        After it the revisions are known and the counter is locked, so unique values cannot be claimed any
        more in this transaction.
        """
        operations = list(self._operations.values())
        if not operations:
            return
        replacements = [operation.replacement for operation in operations]
        self._claim(replacements)
        first = statements.write(self._database, [operation.change for operation in operations])
        indexes.add(self._database, replacements)
        if not self._has_revision:
            transaction.on_commit(broadcast.notify, using=self._database.alias, robust=True)
        self._has_revision = True
        self._operations = {}
        for revision, operation in enumerate(operations, start=first):
            operation.pending._written = _written(operation, revision)
            self._stored.pop(operation.change.key)
        for operation in operations:
            signals.changed.send(sender=models.Object, change=operation.pending.written)

    def _claim(self, replacements: Sequence[indexes.Replacement]) -> None:
        if self._has_revision and any(entry.unique for change in replacements for entry in change.added):
            raise RuntimeError("unique values are claimed before the first flush of a transaction")
        indexes.claim(self._database, replacements)
        indexes.remove(self._database, replacements)

    def _collect(
        self,
        kind: str,
        key: Key,
        before: Stored | None,
        obj: JSONObject,
        entries: Sequence[IndexEntry],
        discovery: bool,
    ) -> Pending:
        metadata = api_objects.metadata(obj)
        body = api_objects.encode({**obj, "metadata": {**metadata, "resourceVersion": _MARK}})
        head, _, tail = body.partition(_MARK_BYTES)
        labels = dict(api_objects.labels(obj))
        uid = metadata.get("uid") or (before.uid if before else "")
        pending = Pending()
        self._operations[key] = _Operation(
            change=statements.Change(kind, key, uid, rows.labels_text(labels), head, tail, discovery),
            before=before,
            labels=labels,
            replacement=indexes.replacement(key, before.entries if before else {}, entries),
            pending=pending,
        )
        return pending

    def _now(self, key: Key) -> Stored | None:
        """What a key holds, earlier writes of this transaction included."""
        if key not in self._keys:
            raise ValueError(f"{key} was not locked by this transaction")
        if key in self._operations:
            self.flush()
        if key not in self._stored:
            self._stored.update(stored.read(self._database, [key]))
        return self._stored[key]


def _written(operation: _Operation, revision: int) -> Written:
    before, change = operation.before, operation.change
    return Written(
        kind=change.kind,
        revision=revision,
        key=change.key,
        uid=change.uid,
        body=change.body(revision),
        previous=before.record.body if before else None,
        labels=operation.labels,
        previous_labels=before.record.labels if before else None,
    )
