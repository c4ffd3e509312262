"""``manage.py verify_replica``: whether every replica holds what the database says, derived independently."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from replication.management import verification
from replication.management.verification import Report
from replication.models import Replica
from replication.replica import connection
from workspaces.management.operator import Answer, OperatorCommand


class Command(OperatorCommand):
    """Compare raw rows with raw Redis."""

    help = """Compare every replica in Redis with its source in the database, object by object.

Shares no code with what writes replicas. A replica that is behind is looked at again for a while. With --repair those
that differ are filled again from the database; consumers read on meanwhile. Exits with 1 when something differed, also
when it was repaired, and when Redis has keys that belong to no replica."""
    examples = (
        ("", "compare all, and change nothing"),
        ("--repair", "and fill again what differs"),
        ("--output json | jq '.replicas[] | select(.differences != [])'", "for scripts"),
    )
    is_long = True

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Whether to repair, and how patiently to compare."""
        super().add_arguments(parser)
        parser.add_argument("--repair", action="store_true", help="fill replicas that differ again")
        parser.add_argument(
            "--timeout-seconds",
            type=float,
            default=10.0,
            help="how long a replica may take to catch up; default: 10",
        )

    def answer(self, **options: Any) -> Answer:
        """Compare, repair, and report each replica with what differs."""
        client = connection.client()
        try:
            reports = [self._verified(client, row, options) for row in verification.replicas()]
            stray = verification.stray_keys(client)
            differing = [report for report in reports if report.differences]
            wanted = differing if options["repair"] else []
            repaired = {report.uid for report in wanted if verification.repair(client, report.uid)}
        except connection.Error as error:
            raise CommandError(f"Redis does not answer, or refuses: {error}") from None
        content = {
            "replicas": [{**report.as_json(), "repaired": report.uid in repaired} for report in reports],
            "strayKeys": stray,
        }
        return Answer(content, _text(reports, stray, repaired), is_well=not differing and not stray)

    def _verified(self, client: connection.Client, row: Replica, options: dict[str, Any]) -> Report:
        self.say(f"comparing {row.name} …", progress=options["progress"])
        return verification.verify(client, row, options["timeout_seconds"])


def _text(reports: list[Report], stray: list[str], repaired: set[str]) -> str:
    lines = []
    for report in reports:
        verdict = "differs" if report.differences else "equal"
        lines.append(f"{report.cluster} {report.name}: {report.count} objects, {verdict}")
        lines += [f"  {difference}" for difference in report.differences]
        if report.uid in repaired:
            lines.append("  filled again")
    lines += [f"stray key {key}" for key in stray]
    return "\n".join(lines) or "There is no replica."
