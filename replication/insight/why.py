"""Why a consumer sees, or does not see, an object: each link of the chain until it breaks."""

from __future__ import annotations

from collections.abc import Callable

from replication.insight import consumerlinks, sourcelinks, trail
from replication.insight.trail import Link, Trail, Verdict
from workspaces.registry import addresses

__all__ = ["Link", "explain"]

_SOURCE: tuple[Callable[[Trail], Verdict], ...] = (
    sourcelinks.source_resource,
    sourcelinks.cached_resource,
    sourcelinks.identity,
    sourcelinks.schema,
    sourcelinks.source_object,
    sourcelinks.selector,
    sourcelinks.worker,
    sourcelinks.replica,
    consumerlinks.endpoint_slice,
)
_CONSUMER: tuple[Callable[[Trail], Verdict], ...] = (
    consumerlinks.export,
    consumerlinks.exported_schema,
    consumerlinks.binding,
    consumerlinks.discovery,
    consumerlinks.served_object,
)


def explain(workspace: str, resource: str, name: str) -> list[Link]:
    """Every link from the source object to the object as a workspace reads it, up to the first that is broken.

    Args:
        workspace: the consumer's path or logical cluster name; for the provider itself the chain ends at the slice.
        resource: a plural name, with its group (``cpuflavors.cloud.example.com``) or without.
        name: the object's name.
    """
    address = addresses.find(workspace)
    if address is None:
        message = f"There is no workspace {workspace}."
        return [Link("workspace", False, message, "Correct the path, or create the workspace.")]
    found = trail.locate(address, resource, name)
    if found is None:
        message = f"No APIExport publishes {resource}, and {address.path} has no CachedResource for it."
        remedy = (
            "Correct the resource's plural name, or publish it: CachedResource, APIResourceSchema, APIExport."
        )
        return [Link("publication", False, message, remedy)]
    links = []
    is_own = found.provider == address and found.binding is None
    for step in _SOURCE if is_own else _SOURCE + _CONSUMER:
        verdict = step(found)
        links.append(verdict.link)
        if not verdict.goes_on:
            break
    return links
