"""`up` as Django lists it; `manage.py` itself dispatches it before Django is loaded."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand

from supervisor import up


class Command(BaseCommand):
    """Start everything under one supervisor."""

    help = "Start the web server, a Celery worker, beat and an embedded Redis under one supervisor."
    requires_system_checks: list[str] = []

    def run_from_argv(self, argv: list[str]) -> None:
        """Hand the arguments over as they are; exit with the supervisor's code."""
        sys.exit(up.main(argv[2:]))

    def handle(self, *_: Any, **__: Any) -> None:
        """The same for `call_command`, without arguments."""
        sys.exit(up.main([]))
