"""What follows from each change of the store, noted in the transaction of the change; messages only hint at it."""

from __future__ import annotations

import contextvars
from typing import Any

from django.db import transaction
from django.dispatch import receiver

from kcpcache.apimachinery import errors, objects
from workspaces import controllers, hints, signals
from workspaces.controllers import builtin, triggers
from workspaces.store import tenants, work
from workspaces.store.objects import Written

__all__ = ["builtin"]

RECONCILE_TASK = "workspaces.tasks.reconcile_due"


@receiver(signals.changed, dispatch_uid="workspaces.receivers.note_work")
def note_work(change: Written, **_: Any) -> None:
    """Note what the change makes due, and hint at it when it is committed.

    A change that makes nothing due costs no statement; a deletion costs one look-up for dependents.
    """
    items = [
        item
        for trigger in controllers.TRIGGERS.get((change.key.group, change.key.resource), ())
        for item in trigger(change)
    ]
    items += triggers.dependents(change)
    for item in dict.fromkeys(items):
        work.note(*item)
    if items:
        context = contextvars.copy_context()  # hints carry the id of this request
        transaction.on_commit(lambda: context.run(hint), robust=True)


def hint(*, merges: bool = True, delay_seconds: float = 0.0) -> None:
    """Wake a worker, if a broker is there to carry the message.

    Messages merge while no worker comes for them; one of a sweep does not, as it makes good what was lost. With a
    delay the message is sent then, for what is not due before.
    """
    key = f"{RECONCILE_TASK} later" if delay_seconds > 0 else RECONCILE_TASK
    hints.publish(RECONCILE_TASK, (), key, merges=merges, delay_seconds=delay_seconds)


@receiver(signals.changed, dispatch_uid="workspaces.receivers.keep_addresses")
def keep_addresses(change: Written, **_: Any) -> None:
    """A new Workspace can be addressed in the instant its create returns."""
    if change.kind != "A" or (change.key.group, change.key.resource) != ("tenancy.kcp.io", "workspaces"):
        return
    parent, name = change.key.cluster, change.key.name
    path = tenants.path_of(parent)
    if path is None:
        raise errors.NotFound(f"workspace {parent} is gone", kind="workspaces", name=parent)
    cluster = str(objects.decode(change.body)["spec"]["cluster"])
    tenants.add(cluster, f"{path}:{name}", parent=parent, name=name)
