"""What watches show, for comparison between processes."""

from __future__ import annotations

from typing import Any

from tests.e2e.catalogue import Workspace
from tests.e2e.http import API, Events
from tests.topology.deployment import Web
from tests.waiting import until


def at(workspace: Workspace, web: Web) -> Workspace:
    """The same workspace, asked of another web process."""
    return Workspace(web, API(web), workspace.path, workspace.cluster)


def version(obj: dict[str, Any]) -> str:
    """The resourceVersion of an object, a list or of what an event is about."""
    found: str = obj.get("object", obj)["metadata"]["resourceVersion"]
    return found


def until_events(events: Events, count: int) -> list[dict[str, Any]]:
    """Wait for as many events; all there are."""
    until(lambda: len(events.all) >= count, what=f"{count} events; there are {len(events.all)}")
    return list(events.all)
