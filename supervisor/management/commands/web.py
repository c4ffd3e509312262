"""Serves the API, the views and the admin: one process on one event loop."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from kcpcache import environment
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
            "--no-tls",
            action="store_true",
            help="plain HTTP, for a proxy that has TLS: on the loopback, or with KCPCACHE_BEHIND_TLS_PROXY=yes",
        )

    def handle(self, *_: Any, host: str, port: int, no_tls: bool, **__: Any) -> None:
        """Serve until a signal; CommandError for plain HTTP where others could listen in."""
        if no_tls and not environment.is_loopback(host) and not settings.KCPCACHE_BEHIND_TLS_PROXY:
            raise CommandError(
                f"--no-tls on {host} would send tokens and passwords in the clear. Listen on the loopback, or set"
                " KCPCACHE_BEHIND_TLS_PROXY=yes where only a proxy that ends TLS can reach this address."
            )
        from supervisor import webserver

        webserver.serve(host, port, tls=not no_tls)
