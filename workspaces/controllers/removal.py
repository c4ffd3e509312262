"""Deletes whole collections in the background, in bounded transactions, again and again until nothing is left."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kcpcache.apimachinery import objects
from kcpcache.apimachinery.objects import JSONObject
from kcpcache.apimachinery.storage import Collection, Key, Record
from workspaces import kinds
from workspaces.kinds import indexes
from workspaces.registry import client
from workspaces.store import objects as store
from workspaces.store.objects import IndexEntry, Transaction

BATCH = 500  # objects in one transaction
BATCHES = 10  # transactions in one pass, so that no pass takes long


@dataclass(slots=True)
class Progress:
    """What a pass left behind."""

    batches: int = 0
    held: int = 0  # objects that finalizers hold
    is_exhausted: bool = False  # the pass ended before everything was seen

    @property
    def is_done(self) -> bool:
        """Whether nothing is left."""
        return not self.held and not self.is_exhausted


def remove(
    collection: Collection,
    progress: Progress,
    *,
    namespace: str = "",
    is_forced: bool = False,
    is_served: bool = True,
    unless: Key | None = None,
) -> None:
    """Delete the objects of a collection, or those of one namespace of it.

    Objects with finalizers are marked as deleted, through the API's pipeline if the workspace serves them, and
    counted as held; `is_forced` removes them like all others. Nothing is removed in a transaction that finds an
    object under the key `unless`: what was gone has come back, and the objects may be its own.
    """
    for records in _batches(collection, namespace):
        if progress.batches >= BATCHES:
            progress.is_exhausted = True
            return
        progress.batches += 1
        held = [record for record in records if not is_forced and b'"finalizers"' in record.body]
        held = [record for record in held if objects.metadata(objects.decode(record.body)).get("finalizers")]
        progress.held += len(held)
        kept = {record.key for record in held}
        _delete(
            [record.key for record in records if record.key not in kept], is_forced=is_forced, unless=unless
        )
        for record in held:
            _mark(record, is_served=is_served)


def _batches(collection: Collection, namespace: str) -> Iterator[list[Record]]:
    after = f"{namespace}/" if namespace else None
    while records := store.iterate(collection, after=after, limit=BATCH):
        wanted = [record for record in records if not namespace or record.key.namespace == namespace]
        if wanted:
            yield wanted
        if len(wanted) < len(records):
            return
        after = store.place(records[-1].key)


def _delete(keys: list[Key], *, is_forced: bool, unless: Key | None) -> None:
    if not keys:
        return
    with store.writing([*keys, unless] if unless else keys) as tx:
        if unless is not None and tx.get(unless) is not None:
            return
        for key in keys:
            stored = tx.get(key)
            if stored is None:
                continue
            obj = objects.decode(stored.body)
            if is_forced or not objects.metadata(obj).get("finalizers"):
                tx.delete(key, discovery=_affects_discovery(key, obj))


def _affects_discovery(key: Key, obj: JSONObject) -> bool:
    kind = kinds.BUILTIN.get((key.group, key.resource)) if not key.identity else None
    return kind is not None and kind.strategy.affects_discovery(None, obj)


def _mark(record: Record, *, is_served: bool) -> None:
    key = record.key
    if objects.is_being_deleted(objects.decode(record.body)):
        return
    if is_served:
        client.delete(key.cluster, key.group, key.resource, key.name, key.namespace)
        return
    with store.writing([key]) as tx:
        _mark_unserved(tx, key)


def _mark_unserved(tx: Transaction, key: Key) -> None:
    """What a deletion sets, on an object that the workspace does not serve any more."""
    stored = tx.get(key)
    if stored is None:
        return
    obj = objects.decode(stored.body)
    metadata = objects.metadata(obj)
    if objects.is_being_deleted(obj):
        return
    metadata["deletionTimestamp"] = objects.timestamp()
    metadata["deletionGracePeriodSeconds"] = 0
    owners = {str(owner["uid"]) for owner in metadata.get("ownerReferences") or []}
    tx.put(key, obj, indexes=[IndexEntry(indexes.OWNER, indexes.fitting(uid)) for uid in sorted(owners)])
