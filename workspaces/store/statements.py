"""Writes objects and the change log by lean statements, without model instances."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper

from kcpcache.apimachinery.storage import Key
from workspaces.store import encryption, postgresql, revisions, rows


@dataclass(frozen=True, slots=True)
class Change:
    """One row to write: `kind` is A, M or D; `head` and `tail` are the body around the revision it holds."""

    kind: str
    key: Key
    uid: str
    labels: str
    head: bytes
    tail: bytes
    discovery: bool

    def body(self, revision: int) -> bytes:
        """The plain body at a revision."""
        return b"%b%d%b" % (self.head, revision, self.tail)

    def stored_body(self, revision: int) -> bytes:
        """The body as it lies in the tables."""
        body = self.body(revision)
        return encryption.encrypt(body) if self.is_secret else body

    @property
    def is_secret(self) -> bool:
        """Whether the body is stored encrypted."""
        return encryption.is_secret(self.key.group, self.key.resource)


def write(connection: BaseDatabaseWrapper, changes: Sequence[Change]) -> int:
    """Take one revision a change, in their order, and write them all; returns the first revision.

    Every key occurs once. `previous` in the log is what the object's row holds.
    """
    discovery = any(change.discovery for change in changes)
    with connection.cursor() as cursor:
        if connection.vendor != "postgresql":
            first = revisions.take(len(changes), discovery=discovery)
            _write_by_rows(cursor, changes, first)
            return first
        # A ciphertext cannot be put together by the database: for secrets the revision must be known before.
        if not any(change.is_secret for change in changes):
            taken = postgresql.take_and_write(cursor, changes, discovery)
            if taken is not None:
                return taken
        first = revisions.take(len(changes), discovery=discovery)
        bodies = [change.stored_body(revision) for revision, change in enumerate(changes, start=first)]
        postgresql.write(cursor, changes, bodies, first)
        return first


# SQLite, where a statement costs little and there are no round trips.

_LOG_ADDED = """
INSERT INTO workspaces_change (uid, revision, labels, body,
                               cluster, "group", resource, identity, namespace, name, kind, at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 'A', strftime('%%Y-%%m-%%d %%H:%%M:%%f', 'now'))"""

_LOG_CHANGED = f"""
INSERT INTO workspaces_change (uid, revision, labels, body, kind, at,
                               cluster, "group", resource, identity, namespace, name,
                               previous, previous_labels)
SELECT %s, %s, %s, %s, %s, strftime('%%Y-%%m-%%d %%H:%%M:%%f', 'now'), {rows.KEY_COLUMNS}, body, labels
FROM workspaces_object WHERE {rows.KEY_CONDITION}"""  # noqa: S608 - constants only

_ADD = """
INSERT INTO workspaces_object (uid, revision, labels, body,
                               cluster, "group", resource, identity, namespace, name)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"""

_MODIFY = (
    f"UPDATE workspaces_object SET uid = %s, revision = %s, labels = %s, body = %s WHERE {rows.KEY_CONDITION}"  # noqa: S608
)

_REMOVE = f"DELETE FROM workspaces_object WHERE {rows.KEY_CONDITION}"  # noqa: S608


def _write_by_rows(cursor: CursorWrapper, changes: Sequence[Change], first: int) -> None:
    added: list[list[Any]] = []
    logged: list[list[Any]] = []
    modified: list[list[Any]] = []
    removed: list[list[Any]] = []
    for revision, change in enumerate(changes, start=first):
        key = rows.parameters(change.key)
        state = [change.uid, revision, change.labels, change.stored_body(revision)]
        if change.kind == "A":
            added.append([*state, *key])
            continue
        logged.append([*state, change.kind, *key])
        if change.kind == "M":
            modified.append([*state, *key])
        else:
            removed.append(list(key))
    steps = (
        (_LOG_ADDED, added),
        (_LOG_CHANGED, logged),
        (_ADD, added),
        (_MODIFY, modified),
        (_REMOVE, removed),
    )
    for statement, parameters in steps:
        if parameters:
            cursor.executemany(statement, parameters)
