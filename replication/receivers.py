"""What the store's changes mean for replicas: hints, sent after the commit."""

from __future__ import annotations

import contextvars
from typing import Any

from django.db import transaction
from django.dispatch import receiver

from kcpcache.apimachinery.storage import Collection
from replication import rows
from replication.replica import wake
from workspaces.signals import changed
from workspaces.store.rows import Written


@receiver(changed, dispatch_uid="replication.wake")
def wake_replicas(sender: Any, change: Written, **_: Any) -> None:
    """Have the replicas of a changed collection follow; a lost hint costs latency, never correctness."""
    key = change.key
    if key.namespace:
        return  # only cluster-scoped resources are replicated
    collection = Collection(key.cluster, key.group, key.resource, key.identity)
    context = contextvars.copy_context()  # hints carry the id of this request
    transaction.on_commit(lambda: context.run(_wake, collection), robust=True)


def _wake(collection: Collection) -> None:
    for source in rows.sources_of(collection):
        wake.wake(source.family)
