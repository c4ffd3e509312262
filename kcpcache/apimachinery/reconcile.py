"""A reconciler is an ordered list of small idempotent steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeVar


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a step leaves behind: `stop` ends the pass, `retry_after_seconds` asks for another one."""

    stop: bool = False
    retry_after_seconds: float | None = None


CONTINUE = Outcome()
STOP = Outcome(stop=True)

State = TypeVar("State")
Step: TypeAlias = Callable[[State], Outcome]


def run(steps: Sequence[Callable[[State], Outcome]], state: State) -> Outcome:
    """Run the steps in order until one stops; the soonest retry that any of them asked for is kept."""
    soonest: float | None = None
    for step in steps:
        outcome = step(state)
        if outcome.retry_after_seconds is not None:
            wanted = outcome.retry_after_seconds
            soonest = wanted if soonest is None else min(soonest, wanted)
        if outcome.stop:
            return Outcome(stop=True, retry_after_seconds=soonest)
    return Outcome(retry_after_seconds=soonest)
