"""What a storage of objects can do, as small interfaces.

The SQL store, the Redis replica and an in-memory fake satisfy these and pass one contract suite. Verbs in
discovery and HTTP are derived from which interfaces a storage satisfies (`verbs_of`): a storage without
`Creator` has no `create`, so a replica is read-only by construction.

All calls may block and are called in a worker thread, except on a storage whose `is_nonblocking` is true:
it answers from memory and is called on the event loop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from kcpcache.apimachinery.mailbox import Mailbox
from kcpcache.apimachinery.objects import JSONObject


@dataclass(frozen=True, slots=True)
class Key:
    """The identity of one object in a store; the API version is not part of it."""

    cluster: str
    group: str
    resource: str
    identity: str  # hash of the APIExport the resource is bound from, empty for a workspace's own
    namespace: str  # empty for cluster-scoped
    name: str


@dataclass(frozen=True, slots=True)
class Collection:
    """All objects of one resource: in one logical cluster, or in every one (`cluster` is ``*``)."""

    cluster: str
    group: str
    resource: str
    identity: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """One stored object: `body` is its JSON as stored, resourceVersion included."""

    key: Key
    revision: int
    body: bytes
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Event:
    """One change of one object, at one revision.

    `body` is the object after the change, for ``DELETED`` its last state carrying the new revision;
    `previous` the object before it, None for ``ADDED``. Labels of both decide selector membership.
    """

    type: str  # ADDED, MODIFIED, DELETED
    revision: int
    key: Key
    body: bytes
    labels: Mapping[str, str]
    previous: bytes | None = None
    previous_labels: Mapping[str, str] | None = None
    rendered: dict[Any, bytes] = field(default_factory=dict, compare=False, repr=False)  # shared by watchers


@dataclass(frozen=True, slots=True)
class ListOptions:
    """Which objects, and of when.

    `revision` None or 0: the newest state. Otherwise with `exact` the state at that revision (Expired if
    it is compacted), without it a state not older (waits, then Timeout). `start_after` is the
    (namespace, name) a page begins behind, `limit` 0 means all. `matches` is asked once an object and
    sees labels and a way to decode; None keeps all.
    """

    namespace: str = ""
    name: str = ""
    revision: int | None = None
    exact: bool = False
    limit: int = 0
    start_after: tuple[str, str, str] | None = None  # cluster, namespace, name
    matches: Callable[[Record], bool] | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """A list at one revision, ordered by (cluster, namespace, name)."""

    revision: int
    records: list[Record]
    next_start: tuple[str, str, str] | None = None  # start of the next page, None when this is the last
    remaining: int | None = None  # objects behind this page, None when not counted (selectors)


@dataclass(frozen=True, slots=True)
class Feed:
    """An open watch: what has happened already, then a mailbox of what happens.

    `initial` is the present state when the watch was opened without a revision (sent as ADDED), at
    revision `start`. `history` holds the events after the asked revision, up to `start`. The mailbox
    holds every later event, once, in order. `position` tells how far the follower has come, for
    bookmarks. `close` must be called.
    """

    start: int
    initial: list[Record]
    history: Iterable[Event]
    mailbox: Mailbox[Event]
    position: Callable[[], int]
    close: Callable[[], None]


@runtime_checkable
class Getter(Protocol):
    """Reads one object."""

    def get(self, namespace: str, name: str, revision: int | None = None) -> Record:
        """The object, not older than `revision`; NotFound, Timeout."""


@runtime_checkable
class Lister(Protocol):
    """Reads many objects at one revision."""

    def list(self, options: ListOptions) -> Page:
        """The selected objects; Expired when the revision is compacted, Timeout when it does not come."""


@dataclass(frozen=True, slots=True)
class ListedBytes:
    """A list, or a page of one, that is already encoded: `items` are the pieces of the JSON array, commas included.

    `etag` names what a whole list holds; it is empty for any other. `next_start` and `remaining` are as in `Page`.
    """

    revision: int
    etag: str
    items: Iterable[bytes]
    next_start: tuple[str, str, str] | None = None
    remaining: int | None = None


@runtime_checkable
class BytesLister(Protocol):
    """Reads many objects at one revision as they are stored, without looking at each."""

    def list_bytes(self, options: ListOptions, api_version: str) -> ListedBytes:
        """The selected objects, as `Lister.list` has them; Expired, Timeout."""


@runtime_checkable
class Watcher(Protocol):
    """Follows changes."""

    def watch(self, options: ListOptions, *, with_initial: bool) -> Feed:
        """Every change after `options.revision` in (namespace, name), once, in order.

        With `with_initial`, or without a revision, the present state first. Expired when the revision
        is compacted. A revision of the future just waits.
        """


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """What accompanies a write."""

    user: str = ""
    field_manager: str = ""
    dry_run: bool = False
    field_validation: str = "Warn"  # Strict, Warn, Ignore
    subresource: str = ""
    warn: Callable[[str], None] = lambda message: None


@dataclass(frozen=True, slots=True)
class Preconditions:
    """What must be true of the stored object for a write to happen."""

    uid: str = ""
    resource_version: str = ""


@dataclass(frozen=True, slots=True)
class DeleteOptions:
    """`metav1.DeleteOptions` without what belongs to the wire."""

    propagation_policy: str = (
        ""  # Foreground, Background, Orphan; empty: the object's finalizer, or the kind's
    )
    preconditions: Preconditions = Preconditions()
    dry_run: bool = False
    user: str = ""


@runtime_checkable
class Creator(Protocol):
    """Makes objects."""

    def create(self, namespace: str, obj: JSONObject, options: WriteOptions) -> Record:
        """The stored object; AlreadyExists, Invalid, Forbidden."""


@runtime_checkable
class Updater(Protocol):
    """Changes objects."""

    def update(
        self,
        namespace: str,
        name: str,
        change: Callable[[JSONObject | None], JSONObject],
        options: WriteOptions,
        *,
        create_if_missing: bool = False,
    ) -> tuple[Record, bool]:
        """Apply `change` to the stored object and store what it returns, and whether it was created.

        `change` is called with a copy of the present object (None if it is missing and may be created) and
        may be called again when somebody else was faster. A result that carries a resourceVersion is
        stored only on exactly that one (Conflict). An update that changes nothing writes nothing.
        """


@runtime_checkable
class Deleter(Protocol):
    """Removes objects."""

    def delete(self, namespace: str, name: str, options: DeleteOptions) -> tuple[Record, bool]:
        """The last state, and whether it is gone (False: finalizers hold it); NotFound, Conflict."""


_VERBS: tuple[tuple[type, tuple[str, ...]], ...] = (
    (Creator, ("create",)),
    (Deleter, ("delete", "deletecollection")),
    (Getter, ("get",)),
    (Lister, ("list",)),
    (Updater, ("patch", "update")),
    (Watcher, ("watch",)),
)


def verbs_of(storage: object) -> tuple[str, ...]:
    """The verbs a storage can serve, in discovery's (alphabetical) order."""
    return tuple(
        sorted(verb for interface, verbs in _VERBS if isinstance(storage, interface) for verb in verbs)
    )
