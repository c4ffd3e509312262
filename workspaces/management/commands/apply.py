"""Stores the objects of files, many in one transaction."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from kcpcache.apimachinery import errors
from workspaces import bulk, manifests
from workspaces.bulk import Summary

DESCRIPTION = """\
Create or update the objects of YAML and JSON files in one workspace, straight in the database.

A document may be a list (`kind: List`). CustomResourceDefinitions and Namespaces are stored first, so that
their objects can come in the same run. An object that exists is updated by merging: fields of the file win,
maps are merged, lists are replaced, null removes a field, and fields that the file does not name stay as they
are. What the server decides (uid, resourceVersion, generation and the like) and, where it is a subresource,
status are not taken from files, so the output of `kubectl get -o yaml` can be applied again.

Custom resources are stored up to 500 in one transaction. Each document that fails is named on stderr with its
file and number; the others are stored, and the exit code is 1."""


class Command(BaseCommand):
    """`manage.py apply -f`."""

    help = DESCRIPTION
    requires_system_checks: list[str] = []

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        """Keep the paragraphs of the description."""
        return super().create_parser(
            prog_name, subcommand, formatter_class=RawDescriptionHelpFormatter, **kwargs
        )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which files, where to, and how to tell."""
        parser.add_argument(
            "-f",
            "--filename",
            action="append",
            required=True,
            metavar="PATH",
            help="a file, a folder (all .yaml, .yml, .json below it) or - for standard input; may be repeated",
        )
        parser.add_argument("--workspace", default="root", help="path or logical cluster name; default: root")
        parser.add_argument(
            "--namespace", default="default", help="for namespaced objects that name none; default: default"
        )
        parser.add_argument(
            "--validate",
            choices=["strict", "warn", "ignore"],
            default="strict",
            help="what to do about unknown fields: refuse (default), tell, or drop silently",
        )
        parser.add_argument(
            "--progress", action="store_true", help="show progress also when stderr is no terminal"
        )
        parser.add_argument(
            "--output", choices=["text", "json"], default="text", help="form of the summary on stdout"
        )

    def handle(
        self,
        *_: Any,
        filename: list[str],
        workspace: str,
        namespace: str,
        validate: str,
        progress: bool,
        output: str,
        **__: Any,
    ) -> None:
        """Apply all files and print the summary."""
        shows_progress = progress or sys.stderr.isatty()
        applier = bulk.Applier(
            workspace,
            namespace=namespace,
            field_validation=validate.capitalize(),
            warn=lambda message: self.stderr.write(f"Warning: {message}"),
            progress=self._show if shows_progress else lambda summary: None,
        )
        try:
            summary = applier.apply(manifests.documents(filename))
        except (manifests.ManifestError, errors.NotFound) as error:
            raise CommandError(f"{error}.") from None
        if shows_progress:
            self._show(summary)
            self.stderr.write("")
        for failure in summary.failures:
            self.stderr.write(str(failure))
        self.stdout.write(_as_json(summary) if output == "json" else _as_text(summary))
        if summary.failures:
            sys.exit(1)

    def _show(self, summary: Summary) -> None:
        """One line that overwrites itself on a terminal, one line each elsewhere."""
        line = (
            f"{summary.done} objects, {summary.done / max(summary.seconds, 0.001):.0f} a second: "
            f"{summary.created} created, {summary.updated} updated, {summary.unchanged} unchanged, "
            f"{len(summary.failures)} failed"
        )
        if sys.stderr.isatty():
            self.stderr.write(f"\r{line}", ending="")
            self.stderr.flush()
        else:
            self.stderr.write(line)


def _as_text(summary: Summary) -> str:
    return (
        f"{summary.created} created, {summary.updated} updated, {summary.unchanged} unchanged, "
        f"{len(summary.failures)} failed in {summary.seconds:.1f} s"
    )


def _as_json(summary: Summary) -> str:
    return json.dumps(
        {
            "created": summary.created,
            "updated": summary.updated,
            "unchanged": summary.unchanged,
            "failed": len(summary.failures),
            "seconds": round(summary.seconds, 3),
            "errors": [
                {
                    "file": failure.document.source,
                    "document": failure.document.number,
                    "object": failure.subject,
                    "message": failure.message,
                }
                for failure in summary.failures
            ],
        }
    )
