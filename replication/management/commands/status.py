"""``manage.py status``: everything that matters on one screen."""

from __future__ import annotations

import shutil
import time
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.db import DatabaseError
from django.utils import timezone

from replication.insight import consumers, facts, health, system, troubles, workers
from replication.management import screens
from workspaces.management.operator import Answer, OperatorCommand, unreachable_database
from workspaces.store import revisions

_SHOWN_PROBLEMS = 5
_CLEAR = "\x1b[H\x1b[2J"


class Command(OperatorCommand):
    """One screen."""

    help = """Show on one screen what is replicated, how far behind it is, who works, and what is wrong.

CachedResources with problems come first, then those that lag most; what does not fit on the screen is counted.
Consumers that are not ready and controllers that fail again and again are summed up, each with what to do.
Exit code 1 when anything is wrong."""
    examples = (
        ("", "once"),
        ("--watch", "again every two seconds, until Ctrl-C"),
        ("--output json", "for scripts; with --watch one document a time"),
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Once, or again and again."""
        super().add_arguments(parser)
        parser.add_argument("--watch", action="store_true", help="show it again and again, until Ctrl-C")
        parser.add_argument(
            "--interval-seconds", type=float, default=2.0, help="with --watch: the pause between; default: 2"
        )

    def handle(self, *arguments: Any, **options: Any) -> None:
        """Once, or until Ctrl-C."""
        if not options["watch"]:
            super().handle(*arguments, **options)
            return
        try:
            while True:
                self._show_again(options)
                time.sleep(max(0.2, options["interval_seconds"]))
        except KeyboardInterrupt:
            return

    def _show_again(self, options: dict[str, Any]) -> None:
        try:
            answer = self.answer(**options)
        except DatabaseError as error:
            sentence = unreachable_database(error)
            answer = Answer({"problem": sentence}, sentence, is_well=False)
        if options["output"] == "text":
            self.stdout.write(_CLEAR, ending="")
        self.show(answer, options["output"])
        self.stdout.flush()

    def answer(self, **_: Any) -> Answer:
        """Everything at once."""
        revision = revisions.newest().value
        gathered = facts.gather()
        found = sorted(health.judge(gathered), key=lambda each: (not each.problems, -each.lag_seconds))
        bound = consumers.judge(gathered)
        told = troubles.of_consumers(bound) + troubles.of_failures(gathered)
        at_work, checks = workers.all(), system.checks()
        restart = system.is_safe_to_restart()
        behind = sum(each.lag_changes for each in found)
        wrong = [check for check in checks if not check.is_well]
        failed = [f"FAIL {check.name}: {check.message}\n  -> {check.what_to_do}" for check in wrong]
        failed += screens.troubles(told)
        lines = [
            f"kcpcache at {settings.KCPCACHE_EXTERNAL_URL}   {timezone.now():%Y-%m-%d %H:%M:%S} UTC",
            f"revision {revision}, {len(found)} CachedResources, {behind} changes on their way",
            f"{len(bound)} consumers, {sum(not each.is_ready for each in bound)} of them not ready",
            f"safe to restart: {restart.message}",
            "",
            *failed,
            *([""] if failed else []),
            screens.workers(at_work) if at_work else "No worker is at work.",
            "",
            *_table(found, used=len(failed) * 2 + len(at_work)),
        ]
        content = {
            "revision": revision,
            "cached_resources": found,
            "workers": at_work,
            "checks": checks,
            "troubles": told,
            "is_safe_to_restart": restart,
        }
        is_well = not wrong and not told and not any(each.problems for each in found)
        return Answer(content, "\n".join(lines), is_well=is_well)


def _table(found: list[health.Health], used: int) -> list[str]:
    if not found:
        return ["Nothing is replicated: there is no CachedResource."]
    room = max(5, shutil.get_terminal_size((80, 40)).lines - used - 10 - 2 * _SHOWN_PROBLEMS)
    lines = [screens.cachedresources(found[:room])]
    if len(found) > room:
        lines.append(f"… and {len(found) - room} more: manage.py cachedresources")
    problems = screens.problems(found)[: 2 * _SHOWN_PROBLEMS]
    return [*lines, *([""] if problems else []), *problems]
