"""``manage.py restore FILE``: puts a backup in the place of what is there."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError

from replication.insight import workers
from replication.management import archive
from replication.replica import connection, mark, writer
from workspaces.management.operator import Answer, OperatorCommand


class Command(OperatorCommand):
    """Restore."""

    help = """Replace everything in the database by a backup, in one transaction.

Run `manage.py prepare` first where the database is new. Stop the service before; where it runs, --online restores
under it. The store goes on at a revision above every one that anybody can have seen, and everything older counts as
compacted: a watch that resumes is answered 410 and lists again, none is served silently from another history. The
replicas in Redis are dropped, and workers fill them again.

A backup is sealed with an encryption key of the installation that wrote it: put that into KCPCACHE_ENCRYPTION_KEYS (or
encryption.keys in the data directory) before you restore on another machine. A file that was changed is refused."""
    examples = (
        ("/backup/kcpcache-2025-06-01.gz --check", "only see whether it could be restored here"),
        ("/backup/kcpcache-2025-06-01.gz", "restore it"),
        (
            "/backup/kcpcache-2025-06-01.gz --without-accounts",
            "and keep users, groups and tokens as they are here",
        ),
    )
    is_long = True

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What, and how carefully."""
        super().add_arguments(parser)
        parser.add_argument("file", type=Path, help="what `manage.py backup` wrote")
        parser.add_argument("--check", action="store_true", help="examine the file and change nothing")
        parser.add_argument("--online", action="store_true", help="restore although workers are at work")
        parser.add_argument(
            "--without-accounts", action="store_true", help="keep users, groups and tokens as they are here"
        )
        parser.add_argument(
            "--unauthenticated",
            action="store_true",
            help="take a backup by an earlier release, which has no seal: only one that nobody else could write",
        )

    def answer(self, **options: Any) -> Answer:
        """Examine, restore, and drop the replicas."""
        path: Path = options["file"]
        try:
            header = archive.examine(path, unauthenticated=options["unauthenticated"])
        except archive.Unusable as reason:
            raise CommandError(str(reason)) from None
        if options["check"]:
            text = f"{path} of {header['created']}, revision {header['revision']}, can be restored here."
            return Answer({"file": path, **header}, text)
        at_work = workers.alive()
        if at_work and not options["online"]:
            raise CommandError(
                f"Workers are at work ({', '.join(each.name for each in at_work)}): stop the service, or give --online."
            )

        def progress(table: str, count: int) -> None:
            self.say(f"{table}: {count} rows", progress=options["progress"])

        try:
            summary = archive.restore(path, header, progress, with_accounts=not options["without_accounts"])
        except archive.Unusable as reason:
            raise CommandError(str(reason)) from None
        has_dropped = _drop_replicas(summary.revision)
        text = f"{summary.rows.get('workspaces.Object', 0)} objects are restored; the revision is {summary.revision}."
        if not has_dropped:
            text += "\nRedis does not answer; workers fill its replicas again when it does."
        return Answer({"file": path, "summary": summary, "replicas_dropped": has_dropped}, text)


def _drop_replicas(revision: int) -> bool:
    """What lies in Redis is of another history."""
    client = connection.client()
    try:
        mark.raise_to(client, revision)
        for family in writer.orphans(client, settings.KCPCACHE_SHARD, set()):
            writer.drop(client, family)
    except connection.Error:
        return False
    return True
