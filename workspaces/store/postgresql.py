"""PostgreSQL's statements: the revision is taken and everything is written in one of them.

The counter stays locked from its update until the commit is on disk, which bounds the writes a second of the
whole store. So it is taken in the same statement that writes, and that statement is small for the usual
single change. The body holds its revision, so it comes in two pieces that are put together here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.db.backends.utils import CursorWrapper

from workspaces.store import rows

if TYPE_CHECKING:
    from workspaces.store.statements import Change

_TAKEN = """
WITH taken AS (
    UPDATE workspaces_counter SET value = value + %s,
        discovery = CASE WHEN %s THEN value + %s ELSE discovery END WHERE id = 1 RETURNING value AS last
)"""

_WHERE_KEY = """
    o.cluster = %s AND o."group" = %s AND o.resource = %s AND o.identity = %s
    AND o.namespace = %s AND o.name = %s"""

_BODY = "%s::bytea || convert_to(last::text, 'UTF8') || %s::bytea"

_ADD = f"""{_TAKEN}, added AS (
    INSERT INTO workspaces_object (revision, body, uid, labels, {rows.KEY_COLUMNS})
    SELECT last, {_BODY}, %s, %s, %s, %s, %s, %s, %s, %s FROM taken RETURNING *
)
INSERT INTO workspaces_change ({rows.KEY_COLUMNS}, revision, kind, uid, labels, body, at)
SELECT {rows.KEY_COLUMNS}, revision, 'A', uid, labels, body, clock_timestamp() FROM added
RETURNING revision"""  # noqa: S608 - constants only

_MODIFY = f"""{_TAKEN}, former AS (
    SELECT id, body, labels FROM workspaces_object o WHERE {_WHERE_KEY}
), modified AS (
    UPDATE workspaces_object o SET revision = last, body = {_BODY}, uid = %s, labels = %s
    FROM taken, former WHERE o.id = former.id
    RETURNING o.*, former.body AS previous, former.labels AS previous_labels
)
INSERT INTO workspaces_change
    ({rows.KEY_COLUMNS}, revision, kind, uid, labels, body, previous, previous_labels, at)
SELECT {rows.KEY_COLUMNS}, revision, 'M', uid, labels, body, previous, previous_labels, clock_timestamp()
FROM modified RETURNING revision"""  # noqa: S608 - constants only

_REMOVE = f"""{_TAKEN}, removed AS (
    DELETE FROM workspaces_object o USING taken WHERE {_WHERE_KEY} RETURNING o.*, last
)
INSERT INTO workspaces_change
    ({rows.KEY_COLUMNS}, revision, kind, body, uid, labels, previous, previous_labels, at)
SELECT {rows.KEY_COLUMNS}, last, 'D', {_BODY}, %s, %s, body, labels, clock_timestamp()
FROM removed RETURNING revision"""  # noqa: S608 - constants only

_GIVEN = "WITH taken AS (SELECT %s::bigint AS last)"

# Arrays in, one row a change. A `tail` of null says that `head` is the whole body.
_MANY = f""", input AS (
    SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[],
                         %s::text[], %s::text[], %s::bytea[], %s::bytea[])
    WITH ORDINALITY AS t (kind, {rows.KEY_COLUMNS}, uid, labels, head, tail, ordinal)
), numbered AS (
    SELECT input.*, last - %s + ordinal AS revision FROM taken CROSS JOIN input
), whole AS (
    SELECT n.*, o.id, o.body AS previous, o.labels AS previous_labels,
           CASE WHEN tail IS NULL THEN head
                ELSE head || convert_to(n.revision::text, 'UTF8') || tail END AS made
    FROM numbered n
    LEFT JOIN workspaces_object o ON n.kind <> 'A' AND o.cluster = n.cluster AND o."group" = n."group"
         AND o.resource = n.resource AND o.identity = n.identity AND o.namespace = n.namespace
         AND o.name = n.name
), added AS (
    INSERT INTO workspaces_object ({rows.KEY_COLUMNS}, uid, revision, labels, body)
    SELECT {rows.KEY_COLUMNS}, uid, revision, labels, made FROM whole WHERE kind = 'A'
), modified AS (
    UPDATE workspaces_object o SET uid = w.uid, revision = w.revision, labels = w.labels, body = w.made
    FROM whole w WHERE w.kind = 'M' AND o.id = w.id
), removed AS (
    DELETE FROM workspaces_object o USING whole w WHERE w.kind = 'D' AND o.id = w.id
), logged AS (
    INSERT INTO workspaces_change
        ({rows.KEY_COLUMNS}, revision, kind, uid, labels, body, previous, previous_labels, at)
    SELECT {rows.KEY_COLUMNS}, revision, kind, uid, labels, made, previous, previous_labels, clock_timestamp()
    FROM whole
)
SELECT last FROM taken"""  # noqa: S608 - constants only


def take_and_write(cursor: CursorWrapper, changes: Sequence[Change], discovery: bool) -> int | None:
    """Take the revisions and write; returns the first, or None (and writes nothing) without a counter."""
    count = len(changes)
    if count == 1:
        statement, parameters = _single(changes[0])
    else:
        heads, tails = [change.head for change in changes], [change.tail for change in changes]
        statement, parameters = _TAKEN + _MANY, [*_columns(changes), heads, tails, count]
    cursor.execute(statement, [count, discovery, count, *parameters])
    row = cursor.fetchone()
    return row[0] - count + 1 if row else None


def write(cursor: CursorWrapper, changes: Sequence[Change], bodies: list[bytes], first: int) -> None:
    """Write with revisions that were taken before, and bodies that hold them."""
    count = len(changes)
    cursor.execute(_GIVEN + _MANY, [first + count - 1, *_columns(changes), bodies, [None] * count, count])


def _single(change: Change) -> tuple[str, list[Any]]:
    key, state = rows.parameters(change.key), [change.head, change.tail, change.uid, change.labels]
    if change.kind == "A":
        return _ADD, [*state, *key]
    return (_MODIFY if change.kind == "M" else _REMOVE), [*key, *state]


def _columns(changes: Sequence[Change]) -> list[list[str]]:
    table = [[change.kind, *rows.parameters(change.key), change.uid, change.labels] for change in changes]
    return [list(column) for column in zip(*table, strict=True)]
