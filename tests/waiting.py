"""Waiting for states: no test sleeps for a fixed time and hopes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(condition: Callable[[], T], *, timeout_seconds: float = 15.0, what: str = "the condition") -> T:
    """Ask until the answer is true; the answer. AssertionError when time is up."""
    deadline = time.monotonic() + timeout_seconds
    while not (answer := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(
                f"{what} did not come within {timeout_seconds:.0f} s; last answer: {answer!r}"
            )
        time.sleep(0.02)
    return answer
