"""``manage.py backup FILE``: a consistent copy of everything that was written."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from replication.management import archive
from workspaces.management.operator import Answer, OperatorCommand


class Command(OperatorCommand):
    """Save."""

    help = """Write a consistent copy of the database's content to a new file, while the service runs.

The file is the same for SQLite and PostgreSQL, so it also moves a deployment from one to the other. It has all
objects, users, tokens (as hashes) and Secrets (as ciphertexts). It does NOT have the keys: keep encryption.keys and
secret.key of the data directory, or the variables KCPCACHE_ENCRYPTION_KEYS and KCPCACHE_SECRET_KEY, somewhere else.
Redis is not part of it: it is filled again. The file has mode 0600, and a seal by the first encryption key, without
which it cannot be changed unnoticed."""
    examples = (
        ("/backup/kcpcache-2025-06-01.gz", "save everything"),
        ("/backup/catalogue.gz --without-accounts", "save objects, but no users, groups and tokens"),
        ("/backup/now.gz --output json", "and tell a script what was saved"),
    )
    is_long = True

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Where to."""
        super().add_arguments(parser)
        parser.add_argument("file", type=Path, help="a file that does not exist yet")
        parser.add_argument(
            "--without-accounts", action="store_true", help="leave users, groups and tokens out"
        )

    def answer(self, **options: Any) -> Answer:
        """Save, and say what was saved."""

        def progress(table: str, count: int) -> None:
            self.say(f"{table}: {count} rows", progress=options["progress"])

        path: Path = options["file"]
        try:
            summary = archive.save(path, progress, with_accounts=not options["without_accounts"])
        except FileExistsError:
            raise CommandError(f"{path} exists already.") from None
        except OSError as error:
            raise CommandError(f"{path} cannot be written: {error.strerror}.") from None
        keys = archive.fingerprints()
        content = {
            "file": path,
            "size_bytes": path.stat().st_size,
            "summary": summary,
            "encryption_keys": keys,
        }
        text = (
            f"{path}: {summary.rows['workspaces.Object']} objects at revision {summary.revision},"
            f" {path.stat().st_size} bytes.\nIts Secrets need the encryption keys {', '.join(keys)} (fingerprints)."
        )
        return Answer(content, text)
