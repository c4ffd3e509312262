"""What children print, in the log of the supervisor: each line with its program's name, in the wanted format."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from typing import TypeAlias

import orjson

Line: TypeAlias = Callable[
    [str, bytes], bytes
]  # a program's name, and what it printed without the line's end


def to_read(program: str, text: bytes) -> bytes:
    """A line for people, behind the program's name."""
    return b"%-6s | %s\n" % (program.encode(), text)


def for_machines(program: str, text: bytes) -> bytes:
    """One JSON object: a record of our own with the program's name added, or one made of any other line."""
    if _is_record(text):
        return b'{"program":%s,%s\n' % (orjson.dumps(program), text[1:])
    now = datetime.datetime.now(datetime.UTC)
    entry = {
        "program": program,
        "time": now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "level": "INFO",
        "logger": "supervisor",
        "message": text.decode(errors="replace"),
        "request_id": "-",
    }
    return orjson.dumps(entry) + b"\n"


def _is_record(text: bytes) -> bool:
    if not text.startswith(b'{"time":'):
        return False
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:  # cut off, because it was too long
        return False
    return True


FORMATS: Mapping[str, Line] = {"LINE": to_read, "JSON": for_machines}
