"""Checks, migrates and bootstraps: what `up` runs first, and what a deployment of many machines runs once."""

from __future__ import annotations

import sys
from typing import Any

from django.core import checks as django_checks
from django.core.management.base import BaseCommand

from supervisor import checks, preparation
from supervisor.errors import StartRefused


class Command(BaseCommand):
    """Make database, root workspace, certificates and the administrator's kubeconfig ready."""

    help = "Check the settings, migrate the database, make the root workspace and the admin's kubeconfig."
    requires_system_checks: list[str] = []

    def handle(self, *_: Any, **__: Any) -> None:
        """Prepare; one sentence on stderr and exit code 1 when that is not possible."""
        found = django_checks.run_checks(tags=[checks.TAG])
        try:
            for message in found:
                if message.is_serious():
                    raise StartRefused(message.msg)
                self.stderr.write(f"kcpcache: {message.msg}")
            preparation.run()
        except StartRefused as refusal:
            self.stderr.write(f"kcpcache: {refusal}")
            sys.exit(1)
