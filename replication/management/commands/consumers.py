"""``manage.py consumers``: who binds what, and whether it is served."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from replication.insight import consumers
from replication.management import screens
from workspaces.management.operator import Answer, OperatorCommand, UsageError
from workspaces.registry import addresses


class Command(OperatorCommand):
    """List bindings."""

    help = """List the APIBindings of all consumers, with the provider and the revision that each is served.

REVISION is the oldest revision of the replicas that the binding is served from; empty where it is served none."""
    examples = (
        ("", "every binding"),
        ("--workspace root:alice", "those of one consumer"),
        ("--provider root:cloud", "those to the exports of one provider"),
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which of them."""
        super().add_arguments(parser)
        parser.add_argument("--workspace", default="", help="the consumer's path or logical cluster name")
        parser.add_argument("--provider", default="", help="the provider's path or logical cluster name")

    def answer(self, **options: Any) -> Answer:
        """Every binding that was asked for."""
        for reference in filter(None, (options["workspace"], options["provider"])):
            if addresses.find(reference) is None:
                raise UsageError(f"There is no workspace {reference}.")
        found = consumers.all(options["workspace"])
        if options["provider"]:
            provider = addresses.find(options["provider"])
            found = [each for each in found if provider and each.provider_workspace == provider.path]
        text = screens.consumers(found) if found else "There are none."
        return Answer(found, text, is_well=all(each.is_ready for each in found))
