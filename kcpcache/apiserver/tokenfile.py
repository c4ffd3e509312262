"""The static token file, in kube-apiserver's format: lines ``token,user,uid,"group1,group2"``."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


class Malformed(Exception):
    """A file that cannot be taken; its text is a sentence with the line's number, and shows no token."""


@dataclass(frozen=True, slots=True)
class Line:
    """One user of the file."""

    token: str
    user: str
    uid: str
    groups: tuple[str, ...]


def read(path: Path) -> list[Line]:
    """The lines of a file, without those that are empty or begin with #; Malformed, OSError."""
    lines: list[Line] = []
    seen: dict[str, int] = {}
    with path.open(newline="", encoding="utf-8") as file:
        for number, row in _rows(path, csv.reader(file, skipinitialspace=True, strict=True)):
            line = _line(path, number, row)
            if line.token in seen:
                raise Malformed(f"{path}, line {number}: it has the token of line {seen[line.token]} again.")
            seen[line.token] = number
            lines.append(line)
    return lines


def _rows(path: Path, reader: Iterator[list[str]]) -> Iterator[tuple[int, list[str]]]:
    """Rows with the number of their last line."""
    number = 0
    while True:
        try:
            row = next(reader, None)
        except (csv.Error, UnicodeDecodeError) as error:
            reason = "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
            line = max(getattr(reader, "line_num", 0), number + isinstance(error, UnicodeDecodeError))
            raise Malformed(f"{path}, line {line}: {reason}.") from None
        if row is None:
            return
        number = int(getattr(reader, "line_num", 0))
        if row and not row[0].startswith("#"):
            yield number, row


def _line(path: Path, number: int, row: list[str]) -> Line:
    if len(row) not in (3, 4):
        raise Malformed(
            f'{path}, line {number}: it has {len(row)} fields; each line must be token,user,uid[,"group1,group2"].'
        )
    token, user, uid, *rest = (field.strip() for field in row)
    if not token or not user:
        raise Malformed(f"{path}, line {number}: the {'user' if token else 'token'} is empty.")
    groups = tuple(group.strip() for each in rest for group in each.split(",") if group.strip())
    return Line(token, user, uid, groups)
