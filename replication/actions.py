"""What people may ask for: each is done by a worker, or only reads."""

from __future__ import annotations

from replication import reports, rows
from replication.controllers import repair as repairing
from replication.management import verification
from replication.management.verification import Report
from replication.models import Replica
from replication.replica import connection, wake
from workspaces import receivers
from workspaces.store import revisions, work

_VERIFY_SECONDS = 5.0  # for a replica to catch up


def resync(uid: str, cluster: str, name: str) -> None:
    """Have a worker look at a CachedResource again, and bring its replica to the newest revision."""
    work.note(reports.CONTROLLER, cluster, name)
    receivers.hint()
    source = rows.find(uid)
    if source is not None:
        wake.want(source.family, revisions.newest().value)


def repair(uid: str) -> None:
    """Have a worker fill a replica anew; it is not forgotten, whatever is away at present."""
    source = rows.find(uid)
    if source is not None:
        work.note(repairing.CONTROLLER, source.collection.cluster, source.name)
        receivers.hint()


def verify(uid: str) -> Report | None:
    """Compare a replica with its source, independently of what wrote it; None when there is none. Redis errors."""
    row = Replica.objects.filter(uid=uid, is_deleted=False).first()
    return verification.verify(connection.hasty_client(), row, _VERIFY_SECONDS) if row else None
