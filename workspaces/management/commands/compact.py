"""``manage.py compact``: shortens the change log now."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings

from workspaces.management.operator import Answer, OperatorCommand, UsageError
from workspaces.store import compaction, revisions

_LONGEST_SECONDS = 100 * 365 * 24 * 3600
_MOST_ROWS = 10**12


class Command(OperatorCommand):
    """Compact the change log."""

    help = """Shorten the change log now, as a worker does once a minute.

Keeps what is younger than an age, and at most a number of rows; by default what workers keep, which is an hour and a
million unless KCPCACHE_CHANGE_LOG_SECONDS and KCPCACHE_CHANGE_LOG_ROWS say otherwise. A watch that resumes from a
revision that went is answered 410 and lists again; replicas that are further behind are filled again. Objects are not
touched."""
    examples = (
        ("", "what workers do"),
        ("--max-age-seconds 600", "keep ten minutes, to free space"),
    )
    is_long = True

    def add_arguments(self, parser: ArgumentParser) -> None:
        """How much is kept."""
        super().add_arguments(parser)
        parser.add_argument(
            "--max-age-seconds",
            type=int,
            default=settings.KCPCACHE_CHANGE_LOG_SECONDS,
            help="what is kept; default: %(default)s",
        )
        parser.add_argument(
            "--max-rows",
            type=int,
            default=settings.KCPCACHE_CHANGE_LOG_ROWS,
            help="how much of it at most; default: %(default)s",
        )

    def answer(self, **options: Any) -> Answer:
        """Compact, and say what went."""
        if not 0 <= options["max_age_seconds"] <= _LONGEST_SECONDS:
            raise UsageError(f"--max-age-seconds must be from 0 to {_LONGEST_SECONDS} (a hundred years).")
        if not 1 <= options["max_rows"] <= _MOST_ROWS:
            raise UsageError(f"--max-rows must be from 1 to {_MOST_ROWS}.")
        self.say("compacting …", progress=options["progress"])
        deleted = compaction.compact(max_age_seconds=options["max_age_seconds"], max_rows=options["max_rows"])
        now = revisions.newest()
        content = {"deleted": deleted, "compacted_revision": now.compacted, "revision": now.value}
        text = f"{deleted} changes went; watches resume from revision {now.compacted} on, the newest is {now.value}."
        return Answer(content, text)
