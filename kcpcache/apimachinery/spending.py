"""What the validation of one object may cost: one purse, from which its schema's patterns and its rules are paid.

The unit is about a character that is touched. What costs more than is left is refused before it is done, so that the
answer to an object does not depend on how busy the machine is.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

TOTAL = 1_000_000_000  # seconds of one core, where the worst comes together


class Exhausted(Exception):
    """Going on would cost more than is left; the message says what it was about."""


class Purse:
    """What is left of one validation."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = TOTAL

    def pay(self, cost: int) -> bool:
        """Take the cost out; False when there is not enough, and then there is never again."""
        self.left -= cost
        return self.left >= 0


class _Present(threading.local):
    purse: Purse | None = None


_present = _Present()


@contextmanager
def purse() -> Iterator[Purse]:
    """The purse of the validation that is going on in this thread; a new one where none is."""
    found = _present.purse
    if found is not None:
        yield found
        return
    _present.purse = made = Purse()
    try:
        yield made
    finally:
        _present.purse = None


def pay(cost: int) -> bool:
    """Take the cost out of the present purse, if there is one; False when there is not enough."""
    found = _present.purse
    return found is None or found.pay(cost)
