"""Who reconciles what: controllers by name, and which changes make work for them.

Controllers run in Celery workers only. A pass may be lost, repeated, late or run twice at once: it reads the truth,
does what is missing, writes status or spec but not both, and says when it wants to come back. Apps above register
theirs from `ready()`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

from kcpcache.apimachinery.reconcile import Outcome
from workspaces.store.objects import Written

Controller: TypeAlias = Callable[[str, str], Outcome]  # cluster, name
Item: TypeAlias = tuple[str, str, str]  # controller, cluster, name
Trigger: TypeAlias = Callable[[Written], Iterable[Item]]

CONTROLLERS: dict[str, Controller] = {}
TRIGGERS: dict[tuple[str, str], list[Trigger]] = {}  # by (group, resource)


def register(name: str, controller: Controller) -> None:
    """Make a controller known under the name in which work is noted for it."""
    CONTROLLERS[name] = controller


def register_trigger(group: str, resource: str, trigger: Trigger) -> None:
    """Ask a function, after each change of a resource and inside its transaction, what it makes due."""
    triggers = TRIGGERS.setdefault((group, resource), [])
    if trigger not in triggers:
        triggers.append(trigger)
