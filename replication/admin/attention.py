"""What needs somebody's attention: the system, CachedResources, consumers, controllers; each kind of trouble once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import urlencode

from django.urls import reverse

from replication.insight.check import Check
from replication.insight.health import Health
from replication.insight.troubles import Trouble

_NAMED = 5  # CachedResources under one heading
# What the system's own check says already, where it says it.
_TOLD_BY = {"NoWorker": "workers", "RedisUnreachable": "redis"}


@dataclass(frozen=True, slots=True)
class Affected:
    """Something with a page of its own, and the workspace it is in."""

    name: str
    workspace: str
    url: str


@dataclass(slots=True)
class Item:
    """One thing to do: what is wrong, what to do, which objects it is about, and where the others are listed."""

    title: str
    message: str
    what_to_do: str
    affected: list[Affected] = field(default_factory=list)
    more: int = 0
    more_url: str = ""


def items(found: Iterable[Health], checks: Iterable[Check], troubles: Iterable[Trouble] = ()) -> list[Item]:
    """The system's troubles first, as they explain others; the same trouble of many objects is one item."""
    system = {
        check.name: Item(check.name.capitalize(), check.message, check.what_to_do)
        for check in checks
        if not check.is_well
    }
    grouped: dict[tuple[str, str, str], Item] = {}
    for health in found:
        affected = Affected(
            health.name, health.workspace, reverse("admin:cachedresource", args=[health.cluster, health.name])
        )
        for problem in health.problems:
            told = system.get(_TOLD_BY.get(problem.reason, ""))
            key = (problem.reason, problem.message, problem.what_to_do)
            item = told or grouped.setdefault(key, Item(*key))
            if affected not in item.affected:
                _add(item, affected)
    return [*system.values(), *grouped.values(), *(_of_trouble(trouble) for trouble in troubles)]


def _add(item: Item, affected: Affected) -> None:
    if len(item.affected) < _NAMED:
        item.affected.append(affected)
    else:
        item.more += 1
        item.more_url = f"{reverse('admin:cachedresources')}?state=wrong"


def _of_trouble(trouble: Trouble) -> Item:
    is_binding = trouble.about == "binding"
    affected = [
        Affected(
            subject.name,
            subject.workspace,
            _binding_url(subject.cluster, subject.name)
            if is_binding
            else reverse("admin:workspaces_workspace_change", args=[subject.cluster]),
        )
        for subject in trouble.subjects
    ]
    more = trouble.count - len(affected)
    more_url = f"{reverse('admin:consumers')}?state=wrong" if is_binding else ""
    return Item(trouble.reason, trouble.message, trouble.what_to_do, affected, more, more_url)


def _binding_url(cluster: str, name: str) -> str:
    key = {"cluster": cluster, "group": "apis.kcp.io", "resource": "apibindings", "name": name}
    return f"{reverse('admin:workspaces_object_at')}?{urlencode(key)}"
