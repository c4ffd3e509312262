"""What needs somebody's attention: problems of CachedResources and of the system, each kind of them once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from replication.insight.check import Check
from replication.insight.health import Health

_NAMED = 5  # CachedResources under one heading
# What the system's own check says already, where it says it.
_TOLD_BY = {"NoWorker": "workers", "RedisUnreachable": "redis"}


@dataclass(slots=True)
class Item:
    """One thing to do: what is wrong, what to do, and which CachedResources it is about."""

    title: str
    message: str
    what_to_do: str
    affected: list[Health] = field(default_factory=list)
    more: int = 0


def items(found: Iterable[Health], checks: Iterable[Check]) -> list[Item]:
    """The system's troubles first, as they explain others; the same trouble of many CachedResources is one item."""
    troubles = {
        check.name: Item(check.name.capitalize(), check.message, check.what_to_do)
        for check in checks
        if not check.is_well
    }
    grouped: dict[tuple[str, str, str], Item] = {}
    for health in found:
        for problem in health.problems:
            told = troubles.get(_TOLD_BY.get(problem.reason, ""))
            key = (problem.reason, problem.message, problem.what_to_do)
            item = told or grouped.setdefault(key, Item(*key))
            if health in item.affected:
                continue
            if len(item.affected) < _NAMED:
                item.affected.append(health)
            else:
                item.more += 1
    return [*troubles.values(), *grouped.values()]
