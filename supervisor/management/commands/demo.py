"""Plays the story of the flavour catalogue against a running server."""

from __future__ import annotations

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from kcpcache import secretfiles
from supervisor.demo import kubectl
from supervisor.demo.kubectl import Kubectl, StoryFailed
from supervisor.demo.story import WORKSPACES, Story

DESCRIPTION = """\
Play the story of the flavour catalogue with kubectl against a running server, showing each command.

It works in the workspaces root:demo-cloud, root:demo-alice and root:demo-bob and no others; it deletes those
first, so it can be run again. They stay afterwards, with a kubeconfig that has a context for each, unless
--clean is given. The exit code is 1 when any step does not behave as the story tells."""


class Command(BaseCommand):
    """`manage.py demo`."""

    help = DESCRIPTION
    requires_system_checks: list[str] = []

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        """Keep the paragraphs of the description."""
        return super().create_parser(
            prog_name, subcommand, formatter_class=RawDescriptionHelpFormatter, **kwargs
        )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which server, with which kubectl, and what stays."""
        parser.add_argument(
            "--kubeconfig",
            type=Path,
            help="default: admin.kubeconfig in the data directory (KCPCACHE_DATA_DIR)",
        )
        parser.add_argument(
            "--kubectl", dest="binary", help="the kubectl to run; default: from PATH, else from .tools/"
        )
        after = parser.add_mutually_exclusive_group()
        after.add_argument("--keep", action="store_true", help="keep the workspaces afterwards (the default)")
        after.add_argument("--clean", action="store_true", help="delete the workspaces afterwards")

    def handle(self, *_: Any, kubeconfig: Path | None, binary: str | None, clean: bool, **__: Any) -> None:
        """Tell the story."""
        try:
            self._tell(kubeconfig or settings.KCPCACHE_DATA_DIR / "admin.kubeconfig", binary, clean)
        except StoryFailed as failure:
            raise CommandError(f"The story failed: {failure}") from None

    def _tell(self, kubeconfig: Path, wanted_kubectl: str | None, clean: bool) -> None:
        binary = kubectl.find(wanted_kubectl)
        config, _ = kubectl.contexts(kubeconfig, WORKSPACES)
        made = kubeconfig.with_name("demo.kubeconfig")
        secretfiles.replace(made, config)
        self._say(f"export KUBECONFIG={made}\n")
        with kubectl.cache_directory() as cache:
            runner = Kubectl(binary, made, cache, self._say)
            if runner.run("root", "get", "--raw", "/readyz").code != 0:
                raise StoryFailed("the server does not answer; start it with `make run` in another shell.")
            story = Story(runner, self._say)
            story.tell()
            if clean:
                story.clean()
                made.unlink()
        self._say("\nThe story went as it should.\n")
        if not clean:
            self._say(f"Look around: kubectl --kubeconfig {made} --context alice get cpuflavors\n")

    def _say(self, text: str) -> None:
        self.stdout.write(text, ending="" if text.endswith("\n") else "\n")
        self.stdout.flush()
