"""Many objects in few transactions, through the API's own write pipeline: what `manage.py apply` does.

Objects are prepared while nothing is locked; then a batch is admitted and stored in one transaction. Whatever
changed in between, and every batch that is refused as a whole, is written one by one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from kcpcache.apimachinery import errors
from kcpcache.apimachinery.objects import JSONObject
from kcpcache.apimachinery.storage import Key, WriteOptions
from workspaces import batches, kinds, manifests
from workspaces.batches import Item, Prepared, Target
from workspaces.manifests import Document, ManifestError
from workspaces.registry import client
from workspaces.registry.resolver import resolver
from workspaces.store import objects as store
from workspaces.store.indexes import UniqueTaken

BATCH_OBJECTS = 500

# Stored before everything else, because other objects of the same run may need them.
FIRST = (("apiextensions.k8s.io/v1", "CustomResourceDefinition"), ("v1", "Namespace"))
_FIRST_WORDS = tuple(kind.encode() for _, kind in FIRST)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why one object, or a document that holds none, was not stored."""

    document: Document
    subject: str  # kind and name, empty when the document cannot be read
    message: str

    def __str__(self) -> str:
        return ": ".join(filter(None, [str(self.document), self.subject, self.message]))


@dataclass(slots=True)
class Summary:
    """What became of the objects so far."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    failures: list[Failure] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)

    @property
    def done(self) -> int:
        """How many objects were dealt with."""
        return self.created + self.updated + self.unchanged + len(self.failures)

    @property
    def seconds(self) -> float:
        """How long it took so far."""
        return time.monotonic() - self.started

    def count(self, outcome: str) -> None:
        """One more object that was ``created``, ``updated`` or left ``unchanged``."""
        setattr(self, outcome, getattr(self, outcome) + 1)

    def fail(self, document: Document, obj: JSONObject | None, message: str) -> None:
        """One more object, or (None) a document, that was not stored."""
        self.failures.append(Failure(document, _subject(obj) if obj else "", message))


class Applier:
    """Creates or updates objects in one workspace.

    An object that exists is updated by merging: fields of the document win, maps are merged, lists are
    replaced, null removes, and fields that the document does not name stay.
    """

    def __init__(
        self,
        cluster: str,
        *,
        namespace: str = "default",
        field_validation: str = "Strict",
        warn: Callable[[str], None] = lambda message: None,
        progress: Callable[[Summary], None] = lambda summary: None,
    ) -> None:
        """`cluster` is the workspace's path or logical cluster name; `namespace` is for objects without one."""
        self._cluster = cluster
        self._namespace = namespace
        self._options = WriteOptions(
            user=client.SYSTEM_USER, field_manager="apply", field_validation=field_validation, warn=warn
        )
        self._progress = progress
        self._targets: dict[tuple[str, str], Target] = {}
        self._token = ""
        self.summary = Summary()

    def apply(self, documents: Iterable[Document]) -> Summary:
        """Store the objects of all documents, CustomResourceDefinitions and Namespaces first.

        Raises:
            NotFound: there is no such workspace.
        """
        self._find_targets()
        documents = list(documents)
        for document in documents:
            if any(word in document.text for word in _FIRST_WORDS):
                self._apply_first(document)
        batch: dict[Key, Item] = {}
        for document in documents:
            for obj in self._parsed(document):
                if not _is_first(obj) and (item := self._item(document, obj)) is not None:
                    self._add(batch, item)
        self._store(batch)
        return self.summary

    def _apply_first(self, document: Document) -> None:
        """Store what of a document is of the kinds in `FIRST`; its faults are told when the rest is stored."""
        try:
            objects, duplicates = manifests.parse(document)
        except ManifestError:
            return
        if duplicates and self._options.field_validation == "Strict":
            return
        found = [obj for obj in objects if _is_first(obj)]
        for obj in found:
            item = self._item(document, obj)
            if item is not None:
                self._store_one(item)
                self._find_targets()

    def _parsed(self, document: Document) -> Iterator[JSONObject]:
        try:
            objects, duplicates = manifests.parse(document)
        except ManifestError as error:
            self.summary.fail(document, None, str(error))
            return
        if duplicates and self._options.field_validation == "Strict":
            self.summary.fail(document, None, f"strict decoding error: {', '.join(duplicates)}")
            return
        if self._options.field_validation == "Warn":
            for message in duplicates:
                self._options.warn(f"{document}: {message}")
        yield from objects

    def _find_targets(self) -> None:
        """Learn what the workspace serves now; NotFound when there is no such workspace."""
        resolver().refresh()
        catalogue = resolver().find(self._cluster)
        if catalogue is None:
            raise errors.NotFound(f'workspace "{self._cluster}" not found', kind="workspaces")
        if catalogue.token != self._token:
            self._token, address = catalogue.token, catalogue.address
            self._targets = {
                (found.api_version, found.kind): Target(
                    found, kinds.strategy_of(found), address.cluster, address.path
                )
                for found in catalogue.resources.values()
            }

    def _item(self, document: Document, obj: JSONObject) -> Item | None:
        """Where an object belongs; None after its failure was recorded."""
        target = self._targets.get((obj["apiVersion"], obj["kind"]))
        try:
            if target is None:
                raise errors.NotFound(
                    f'no matches for kind "{obj["kind"]}" in version "{obj["apiVersion"]}": '
                    "this workspace has no such CustomResourceDefinition or bound API"
                )
            return Item(document, target, target.key_of(obj, self._namespace), obj)
        except errors.APIError as error:
            self.summary.fail(document, obj, error.message)
            return None

    def _add(self, batch: dict[Key, Item], item: Item) -> None:
        """Put an item into the batch, or store it at once; the order of writes to one object is kept."""
        if item.key in batch or len(batch) == BATCH_OBJECTS or not item.target.takes_batches:
            self._store(batch)
        if item.target.takes_batches:
            batch[item.key] = item
        else:
            self._store_one(item)
            self._find_targets()

    def _store(self, batch: dict[Key, Item]) -> None:
        """Store a batch in one transaction and empty it."""
        if not batch:
            return
        items = list(batch.values())
        batch.clear()
        for item in self._store_together(items):
            self._store_one(item)
        self._progress(self.summary)
        self._find_targets()

    def _store_together(self, items: list[Item]) -> list[Item]:
        """One transaction; returns what must be stored alone."""
        prepared, alone = self._prepare(items)
        late = len(alone)
        refused: list[tuple[Item, str]] = []
        outcomes: list[str] = []
        try:
            with store.writing([write.item.key for write in prepared]) as tx:
                for write in prepared:
                    stored = tx.get(write.item.key)
                    if (stored.revision if stored else 0) != write.revision:
                        alone.append(write.item)
                        continue
                    try:
                        write.item.target.store(tx, write, self._options)
                    except errors.APIError as error:
                        refused.append((write.item, error.message))
                    else:
                        outcomes.append("updated" if write.revision else "created")
        except UniqueTaken:
            # Nothing was stored: each for itself, so that only the guilty ones fail.
            return [*alone[:late], *(write.item for write in prepared)]
        for outcome in outcomes:
            self.summary.count(outcome)
        for item, message in refused:
            self.summary.fail(item.document, item.obj, message)
        return alone

    def _prepare(self, items: list[Item]) -> tuple[list[Prepared], list[Item]]:
        """Everything that needs no lock; what can be stored together, and what must be stored alone."""
        prepared, alone = [], []
        present = store.read_many(item.key for item in items)
        for item in items:
            record = present.get(item.key)
            if record is not None and b'"deletionTimestamp"' in record.body:
                alone.append(item)
                continue
            try:
                write = item.target.prepare(item, record, self._options)
            except errors.APIError as error:
                self.summary.fail(item.document, item.obj, error.message)
                continue
            if write is None:
                self.summary.count("unchanged")
            else:
                prepared.append(write)
        return prepared, alone

    def _store_one(self, item: Item) -> None:
        """Store one object in a transaction of its own."""
        before = store.get(item.key)
        try:
            record, created = item.target.update(
                item.key.namespace,
                item.key.name,
                lambda present: batches.merged(present, item.obj),
                self._options,
                create_if_missing=True,
            )
        except errors.APIError as error:
            self.summary.fail(item.document, item.obj, error.message)
            return
        is_same = not created and before is not None and before.revision == record.revision
        self.summary.count("created" if created else "unchanged" if is_same else "updated")


def _is_first(obj: JSONObject) -> bool:
    return (obj["apiVersion"], obj["kind"]) in FIRST


def _subject(obj: JSONObject) -> str:
    namespace = obj["metadata"].get("namespace")
    name = obj["metadata"]["name"]
    return f"{obj['kind']} {namespace}/{name}" if namespace else f"{obj['kind']} {name}"
