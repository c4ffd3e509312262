"""What the database knows of replicas: that they should exist, of what, and who may fill them."""

from __future__ import annotations

from django.db import models


class Replica(models.Model):
    """The replica of one CachedResource. Redis holds the objects and the progress, this row the intent.

    `epoch` is raised by whoever is about to fill the replica and fences all others; `selection` counts the
    changes of the selector. `is_deleted` keeps late fills away until every key is gone and the row goes too.
    `cursor`, `count` and `last_sync` are copies for display, and tell when Redis lost what it had.
    """

    uid = models.CharField(max_length=36, primary_key=True)
    shard = models.CharField(max_length=63)
    cluster = models.CharField(max_length=32)
    name = models.CharField(max_length=253)
    group = models.CharField(max_length=253, blank=True)
    version = models.CharField(max_length=63)
    resource = models.CharField(max_length=253)
    identity = models.CharField(max_length=64, blank=True)
    selector = models.JSONField(default=dict, blank=True)
    selection = models.BigIntegerField(default=1)
    epoch = models.BigIntegerField(default=0)
    is_deleted = models.BooleanField(default=False)

    cursor = models.BigIntegerField(default=0)
    count = models.BigIntegerField(default=0)
    size_bytes = models.BigIntegerField(default=0)
    last_sync = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True)
    drifts = models.PositiveIntegerField(default=0)
    is_drifted = models.BooleanField(default=False)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["cluster", "name"]
        indexes = [
            models.Index(fields=["cluster", "group", "resource", "identity"], name="replica_source"),
        ]

    def __str__(self) -> str:
        return f"{self.cluster}: {self.name}"
