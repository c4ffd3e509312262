"""What is stored: objects, the change log, the revision, and what hangs on them.

Only `workspaces.store` writes these tables. `Object` and `Change` are written by lean statements, so Django's
`post_save` says nothing about them: the store sends its own signal (`workspaces.signals.changed`).
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper


class KeyField(models.CharField):  # type: ignore[type-arg]
    """Text that is ordered byte by byte on every database, so that pages and ranges mean the same on all.

    SQLite does so by itself; PostgreSQL would use the collation of the database.
    """

    def db_parameters(self, connection: BaseDatabaseWrapper) -> Any:
        """The column's type, with the collation ``C`` on PostgreSQL."""
        parameters = super().db_parameters(connection)
        if connection.vendor == "postgresql":
            parameters["collation"] = "C"
        return parameters


class Counter(models.Model):
    """The revision of the whole store: one row, locked last by every writing transaction.

    `value` only grows; it begins at 1, as 0 means "any" on the wire. `discovery` is the last revision that
    changed what some workspace serves.
    `compacted` is the last revision that the change log no longer reaches behind.
    """

    id = models.SmallIntegerField(primary_key=True, default=1)
    value = models.BigIntegerField(default=1)
    discovery = models.BigIntegerField(default=0)
    compacted = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="counter_is_one_row")]

    def __str__(self) -> str:
        return f"revision {self.value}"


class Workspace(models.Model):
    """The address of a logical cluster: its path and its name, both unique."""

    cluster = models.CharField(max_length=32, primary_key=True)
    path = models.CharField(max_length=1024, unique=True)
    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="children"
    )
    name = models.CharField(max_length=63)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["path"]

    def __str__(self) -> str:
        return self.path


class ObjectKey(models.Model):
    """The columns that identify an object; the API version is not part of it."""

    cluster = KeyField(max_length=32)
    group = KeyField(max_length=253, blank=True)
    resource = KeyField(max_length=253)
    identity = KeyField(max_length=64, blank=True)
    namespace = KeyField(max_length=253, blank=True)
    name = KeyField(max_length=253)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        place = f"{self.namespace}/" if self.namespace else ""
        return f"{self.cluster}: {self.resource}.{self.group} {place}{self.name}"


class Object(ObjectKey):
    """One object of the API, as the bytes in which it is served.

    `body` is JSON in the layout of `apimachinery.objects`, or a ciphertext (`store.encryption`) for kinds
    that are secret. `labels` is compact JSON, empty for none, so that selectors need not decode the body.
    """

    uid = models.CharField(max_length=36)
    revision = models.BigIntegerField()
    labels = models.TextField(blank=True)
    body = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["cluster", "group", "resource", "identity", "namespace", "name"], name="object_key"
            )
        ]
        indexes = [
            models.Index(
                fields=["group", "resource", "identity", "cluster", "namespace", "name"],
                name="object_wildcard",
            ),
        ]


class Change(ObjectKey):
    """One row of the append-only change log: what happened at a revision.

    `kind` is A (added), M (modified) or D (deleted). `body` is the object after the change, for D its last
    state with the new revision; `previous` the object before it. Both are ciphertexts where the object is.
    """

    revision = models.BigIntegerField(primary_key=True)
    kind = models.CharField(max_length=1)
    uid = models.CharField(max_length=36)
    labels = models.TextField(blank=True)
    body = models.BinaryField()
    previous = models.BinaryField(null=True)
    previous_labels = models.TextField(null=True)  # noqa: DJ001 - empty means "no labels", null "no object"
    at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(
                fields=["cluster", "group", "resource", "identity", "revision"], name="change_cluster"
            ),
            models.Index(fields=["group", "resource", "identity", "revision"], name="change_wildcard"),
        ]


class Index(models.Model):
    """A value under which an object can be found, kept in the transaction that writes the object.

    `index` names what is indexed (``owner``, ``export``, ``secret``, …). A `unique` value may be held by one
    object of a cluster only: the database decides races, not a look-up.
    """

    object = models.ForeignKey(Object, on_delete=models.CASCADE, related_name="indexes")
    cluster = models.CharField(max_length=32)
    index = models.CharField(max_length=32)
    value = models.CharField(max_length=600)
    unique = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["cluster", "index", "value"], condition=models.Q(unique=True), name="index_unique"
            )
        ]
        indexes = [
            models.Index(fields=["index", "value"], name="index_value"),
            models.Index(fields=["cluster", "index", "value"], name="index_cluster_value"),
        ]

    def __str__(self) -> str:
        return f"{self.index}={self.value}"


class Work(models.Model):
    """Something to reconcile, noted in the transaction that made it necessary and removed when it is done.

    Celery messages only hint at these rows: a lost message costs latency, a lost row cannot happen.
    `controller` names who, `cluster` and `name` (``namespace/name`` for namespaced objects) what. A row is
    removed only if `sequence` did not move while it was worked on.
    """

    controller = models.CharField(max_length=40)
    cluster = models.CharField(max_length=32)
    name = models.CharField(max_length=600)
    sequence = models.BigIntegerField(default=0)
    not_before = models.DateTimeField()
    attempts = models.PositiveIntegerField(default=0)
    error = models.TextField(blank=True)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["controller", "cluster", "name"], name="work_key")]
        indexes = [models.Index(fields=["not_before"], name="work_not_before")]

    def __str__(self) -> str:
        return f"{self.controller} {self.cluster} {self.name}"


class Token(models.Model):
    """A bearer token, known only by the SHA-256 of it."""

    digest = models.CharField(max_length=64, primary_key=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="kcpcache_tokens"
    )
    description = models.CharField(max_length=200, blank=True)
    created = models.DateTimeField(auto_now_add=True)
    expires = models.DateTimeField(null=True, blank=True)
    last_used = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"token of {self.user} ({self.digest[:8]})"


class Attempts(models.Model):
    """How often a password was given for an account, or from an address, since a moment; a row lives for minutes.

    `subject` is a digest, so that a stranger's input is neither long nor readable here.
    """

    subject = models.CharField(max_length=64, primary_key=True)
    since = models.DateTimeField()
    count = models.PositiveIntegerField(default=0)

    class Meta:
        indexes = [models.Index(fields=["since"], name="attempts_since")]

    def __str__(self) -> str:
        return f"{self.count} since {self.since:%H:%M:%S}"
