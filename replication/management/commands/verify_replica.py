"""``manage.py verify_replica``: whether every replica holds what the database says, derived independently."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from replication.management import verification
from replication.replica import connection


class Command(BaseCommand):
    """Compare raw rows with raw Redis; exit code 1 when they differ."""

    help = "Compare every replica with its source. Exits with 1 when something differs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """How to report, and whether to repair."""
        parser.add_argument("--repair", action="store_true", help="fill replicas that differ again")
        parser.add_argument("--output", choices=["text", "json"], default="text")
        parser.add_argument(
            "--timeout-seconds", type=float, default=10.0, help="how long a replica may take to catch up"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Report each replica, and what differs."""
        client = connection.client()
        try:
            reports = [
                verification.verify(client, row, options["timeout_seconds"])
                for row in verification.replicas()
            ]
            stray = verification.stray_keys(client)
        except connection.Error as error:
            raise CommandError(f"Redis does not answer: {error}") from error
        differing = [report for report in reports if report.differences]
        if options["output"] == "json":
            self.stdout.write(
                json.dumps(
                    {"replicas": [report.as_json() for report in reports], "strayKeys": stray}, indent=2
                )
            )
        else:
            self._show(reports, stray)
        if options["repair"]:
            for report in differing:
                verification.repair(client, report.uid)
                self.stdout.write(f"{report.name}: filled again")
        if differing or stray:
            raise SystemExit(1)

    def _show(self, reports: list[verification.Report], stray: list[str]) -> None:
        for report in reports:
            verdict = "differs" if report.differences else "equal"
            self.stdout.write(f"{report.cluster} {report.name}: {report.count} objects, {verdict}")
            for difference in report.differences:
                self.stdout.write(f"  {difference}")
        for key in stray:
            self.stdout.write(f"stray key {key}")
