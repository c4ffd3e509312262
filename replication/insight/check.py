"""The verdict about one part of the system."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at, whether it is well, what was seen, and what to do when it is not."""

    name: str
    is_well: bool
    message: str
    what_to_do: str = ""
