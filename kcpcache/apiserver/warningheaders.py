"""`Warning` headers, few and short enough for every client: a write with a thousand warnings still succeeded.

Source: k8s.io/apiserver `endpoints/filters/warning.go`, whose limits these are. The limit of lines is ours: some
clients refuse an answer with more than a hundred headers.
"""

from __future__ import annotations

from collections.abc import Sequence

MAX_CHARACTERS = 4 * 1024  # of all warnings; beyond it each is cut, and what still does not fit is left out
MAX_ITEM_CHARACTERS = 256  # of one warning that is cut
MAX_LINES = 50


def values(messages: Sequence[str]) -> list[str]:
    """The values of the headers, each message once, in order."""
    distinct = list(dict.fromkeys(filter(None, messages)))
    if sum(map(len, distinct)) > MAX_CHARACTERS:
        distinct = _fitting([message[:MAX_ITEM_CHARACTERS] for message in distinct])
    return [f"299 - {_quoted(message)}" for message in distinct[:MAX_LINES]]


def _fitting(messages: list[str]) -> list[str]:
    size = 0
    for count, message in enumerate(messages):
        size += len(message)
        if size > MAX_CHARACTERS:
            return messages[:count]
    return messages


def _quoted(text: str) -> str:
    """A quoted-string of RFC 9110 on one line; a server refuses to send what cannot be printed."""
    line = " ".join(text.split())
    printable = "".join(character if character.isprintable() else "?" for character in line)
    return '"' + printable.replace("\\", "\\\\").replace('"', '\\"') + '"'
