"""Prints a kubeconfig for any workspace."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db.models import Q

from workspaces import kubeconfig, tokens
from workspaces.management import accounts
from workspaces.models import Workspace


class Command(BaseCommand):
    """Without options the administrator's own token is used."""

    help = f"Print a kubeconfig for a workspace. {' '.join(accounts.RIGHTS.split())}"
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which workspace, as whom, and where to."""
        parser.add_argument("--workspace", default="root", help="path or logical cluster name; default: root")
        who = parser.add_mutually_exclusive_group()
        who.add_argument("--token", help="the bearer token to put in; default: the one in admin.kubeconfig")
        who.add_argument("--user", help="make a new token for this user, who is made if there is none")
        parser.add_argument(
            "--group", action="append", default=[], help="with --user: a group of theirs; may be repeated"
        )
        parser.add_argument("--output", type=Path, help="a file, written with mode 0600; default: stdout")

    def handle(
        self,
        *_: Any,
        workspace: str,
        token: str | None,
        user: str | None,
        group: list[str],
        output: Path | None,
        **__: Any,
    ) -> None:
        """Print or write the kubeconfig."""
        if group and not user:
            raise CommandError("--group needs --user.")
        if user is not None:
            accounts.check(user, group)
        found = Workspace.objects.filter(Q(path=workspace) | Q(cluster=workspace)).first()
        if found is None:
            raise CommandError(f"There is no workspace {workspace!r}.")
        authority = Path(settings.KCPCACHE_AUTHORITY_FILE)
        if not authority.exists():
            raise CommandError(f"{authority} does not exist: start the service once, or run `prepare`.")
        if user:
            token = tokens.create(user, group, None, description="manage.py kubeconfig")
            if warning := accounts.warning(user, tokens.groups_of(user)):
                self.stderr.write(warning)
        token = token or kubeconfig.read_token(settings.KCPCACHE_DATA_DIR / "admin.kubeconfig")
        if not token:
            raise CommandError("There is no admin.kubeconfig to take a token from: give --token or --user.")
        content = kubeconfig.build(
            settings.KCPCACHE_EXTERNAL_URL,
            authority.read_text(),
            token,
            {found.path: f"/clusters/{found.path}"},
            user=user or "kcp-admin",
        )
        if output is None:
            self.stdout.write(content, ending="")
        else:
            kubeconfig.write(output, content)
