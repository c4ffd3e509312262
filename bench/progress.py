"""What a script tells whoever waits for it; results go to stdout, this to stderr."""

from __future__ import annotations

import sys


def say(message: str) -> None:
    """One line on stderr, at once."""
    print(message, file=sys.stderr, flush=True)
