"""``manage.py compact``: shortens the change log now."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from workspaces import tasks
from workspaces.management.operator import Answer, OperatorCommand, UsageError
from workspaces.store import compaction, revisions


class Command(OperatorCommand):
    """Compact the change log."""

    help = f"""Shorten the change log now, as a worker does once a minute.

Keeps what is younger than an age, and at most a number of rows; by default an hour and {tasks._LOG_ROWS:,} rows, which
is what workers keep. A watch that resumes from a revision that went is answered 410 and lists again; replicas that
are further behind are filled again. Objects are not touched."""
    examples = (
        ("", "what workers do"),
        ("--max-age-seconds 600", "keep ten minutes, to free space"),
    )
    is_long = True

    def add_arguments(self, parser: ArgumentParser) -> None:
        """How much is kept."""
        super().add_arguments(parser)
        parser.add_argument(
            "--max-age-seconds", type=int, default=tasks._LOG_AGE_SECONDS, help="what is kept"
        )
        parser.add_argument("--max-rows", type=int, default=tasks._LOG_ROWS, help="how much of it at most")

    def answer(self, **options: Any) -> Answer:
        """Compact, and say what went."""
        if options["max_age_seconds"] < 0 or options["max_rows"] < 1:
            raise UsageError("--max-age-seconds must not be negative, --max-rows must be at least 1.")
        self.say("compacting …", progress=options["progress"])
        deleted = compaction.compact(max_age_seconds=options["max_age_seconds"], max_rows=options["max_rows"])
        now = revisions.newest()
        content = {"deleted": deleted, "compacted_revision": now.compacted, "revision": now.value}
        text = f"{deleted} changes went; watches resume from revision {now.compacted} on, the newest is {now.value}."
        return Answer(content, text)
