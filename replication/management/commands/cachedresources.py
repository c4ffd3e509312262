"""``manage.py cachedresources``: what is replicated, how far behind it is, and what is wrong."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from replication.insight import health
from replication.insight.health import Health
from replication.management import screens
from workspaces.management.operator import Answer, OperatorCommand, UsageError
from workspaces.registry import addresses


class Command(OperatorCommand):
    """List CachedResources with their health."""

    help = """List the CachedResources of all workspaces, or of one, with their replicas' health.

LOCAL objects are selected in the workspace, CACHE lie in Redis. LAG counts the changes of the source that are not in
the replica yet, and the age of the oldest. Under the table stands what is wrong with each, and what to do."""
    examples = (
        ("", "all of them"),
        ("--workspace root:cloud", "those of one workspace"),
        ("--wrong", "only those with a problem; exit code 1 when there is one"),
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which of them."""
        super().add_arguments(parser)
        parser.add_argument("--workspace", default="", help="path or logical cluster name; default: all")
        parser.add_argument("--wrong", action="store_true", help="only those with a problem")

    def answer(self, **options: Any) -> Answer:
        """The health of each."""
        if options["workspace"] and addresses.find(options["workspace"]) is None:
            raise UsageError(f"There is no workspace {options['workspace']}.")
        found = health.all(options["workspace"])
        shown = [each for each in found if each.problems] if options["wrong"] else found
        text = screens.cachedresources(shown) if shown else "There are none."
        return Answer(shown, f"{text}{_problems(shown)}", is_well=not any(each.problems for each in found))


def _problems(shown: list[Health]) -> str:
    lines = screens.problems(shown)
    return "\n\n" + "\n".join(lines) if lines else ""
