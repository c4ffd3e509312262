"""The place of a value inside an object, kept as a chain and written out only when somebody must read it.

Walks make one step for every value and report few of them; a chain costs one tuple a step, whatever the
length of the names on the way.
"""

from __future__ import annotations

from typing import Any, TypeAlias

# A field's name, an item's index, or the key of a map (which only rules tell apart from a field).
Step: TypeAlias = "str | int | tuple[str]"
# The place of the parent, and the last step.
Trail: TypeAlias = "tuple[Any, Step] | None"

MAX_NAME_CHARS = 512


def rendered(trail: Trail, *, name: str = "") -> str:
    """The path as Kubernetes writes it, such as ``spec.list[0].x``; `name` is one step more."""
    steps: list[Step] = [name] if name else []
    while trail is not None:
        trail, step = trail
        steps.append(step)
    return "".join(map(_written, reversed(steps))).removeprefix(".")


def _written(step: Step) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    if isinstance(step, tuple):
        return f"[{step[0][:MAX_NAME_CHARS]}]"
    return f".{step[:MAX_NAME_CHARS]}"
