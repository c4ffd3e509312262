"""What the commands for operators share: their help, their two forms of output, and their exit codes."""

from __future__ import annotations

import dataclasses
import datetime
import json
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

WELL, WRONG, USAGE = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command found: `content` for scripts (dataclasses are fine), `text` for people."""

    content: Any
    text: str
    is_well: bool = True


class UsageError(CommandError):
    """The command was not asked as it should be; exit code 2."""

    def __init__(self, message: str) -> None:
        super().__init__(message, returncode=USAGE)


class OperatorCommand(BaseCommand):
    """A command that answers a question or does one thing, and says how it went.

    Subclasses set `help` (its first line is the summary) and `examples`, and implement `answer`. Exit codes: 0
    when all is well, 1 when something is wrong, 2 when the command line is.
    """

    examples: Sequence[tuple[str, str]] = ()  # command line, what it does
    requires_system_checks: list[str] = []
    is_long = False  # whether it shows progress

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        """Keep the paragraphs, and put the examples at the end."""
        return super().create_parser(
            prog_name,
            subcommand,
            formatter_class=RawDescriptionHelpFormatter,
            epilog=self._epilog(subcommand),
            **kwargs,
        )

    def _epilog(self, subcommand: str) -> str:
        lines = ["examples:"]
        for arguments, meaning in self.examples:
            lines += [f"  manage.py {subcommand} {arguments}".rstrip(), f"      {meaning}"]
        lines += ["", "exit codes: 0 all is well, 1 something is wrong, 2 the command line is not right"]
        return "\n".join(lines)

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The form of the output."""
        parser.add_argument(
            "--output",
            choices=["text", "json"],
            default="text",
            help="for people, or for scripts; default: text",
        )
        if self.is_long:
            parser.add_argument(
                "--progress",
                action="store_true",
                default=sys.stderr.isatty(),
                help="say on stderr how far it is; the default on a terminal",
            )

    def handle(self, *_: Any, **options: Any) -> None:
        """Answer, print, and end with the exit code."""
        try:
            answer = self.answer(**options)
        except DatabaseError as error:
            raise CommandError(unreachable_database(error)) from None
        self.show(answer, options["output"])
        if not answer.is_well:
            raise SystemExit(WRONG)

    def show(self, answer: Answer, output: str) -> None:
        """Print an answer in the form that was asked for."""
        self.stdout.write(as_json(answer.content) if output == "json" else answer.text)

    def say(self, text: str, *, progress: bool) -> None:
        """Say on stderr how far a long work is."""
        if progress:
            self.stderr.write(text)

    def answer(self, **options: Any) -> Answer:
        """What the command is for."""
        raise NotImplementedError


def unreachable_database(error: DatabaseError) -> str:
    """One sentence about a database that does not answer, or that has other tables."""
    database = settings.DATABASES["default"]
    place = f"{database['HOST']}/{database['NAME']}" if database["HOST"] else database["NAME"]
    lines = str(error).strip().splitlines() or [type(error).__name__]
    if "no such table" in lines[0] or "does not exist" in lines[0]:
        return f"The database {place} has not been prepared ({lines[0]}): run manage.py prepare."
    return f"The database {place} does not answer: {lines[0].rstrip('.')}."


def as_json(content: Any) -> str:
    """For scripts: dataclasses as objects, times in ISO 8601."""
    return json.dumps(content, indent=2, default=_plain, ensure_ascii=False)


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if isinstance(value, datetime.datetime):
        return value.isoformat()
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def table(headers: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Columns as kubectl shows them: three spaces between, nothing behind the last."""
    cells = [list(headers), *([_cell(value) for value in row] for row in rows)]
    widths = [max(len(row[at]) for row in cells) for at in range(len(headers))]
    return "\n".join(
        "   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    )


def _cell(value: Any) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.1f}" if isinstance(value, float) else str(value)
