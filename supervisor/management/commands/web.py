"""Serves the API, the views and the admin: one process on one event loop."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from supervisor import checks


class Command(BaseCommand):
    """The web process; several may run, on ports of their own."""

    help = "Serve the API, the views and the admin."
    requires_system_checks = [checks.TAG]

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Where to listen."""
        parser.add_argument("--host", default=settings.KCPCACHE_HOST, help="default: KCPCACHE_HOST")
        parser.add_argument("--port", type=int, default=settings.KCPCACHE_PORT, help="default: KCPCACHE_PORT")
        parser.add_argument(
            "--no-tls", action="store_true", help="plain HTTP, for a proxy on the same machine that has TLS"
        )

    def handle(self, *_: Any, host: str, port: int, no_tls: bool, **__: Any) -> None:
        """Serve until a signal."""
        from supervisor import webserver

        webserver.serve(host, port, tls=not no_tls)
