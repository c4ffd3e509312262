"""The built-in kinds: one registry, from which every workspace is served."""

from __future__ import annotations

from collections.abc import Iterator

from kcpcache.apimachinery.descriptor import Descriptor
from workspaces.kinds import (
    bindings,
    cachedresources,
    configmaps,
    crds,
    events,
    exports,
    leases,
    namespaces,
    plain,
    resourceschemas,
    secrets,
    tenancy,
)
from workspaces.kinds.kind import Kind
from workspaces.registry.strategy import Strategy

BUILTIN: dict[tuple[str, str], Kind] = {}  # (group, plural)

# Writes of these resources can change what some workspace serves (`Strategy.affects_discovery` says which do).
_DISCOVERY_RESOURCES = (
    "apibindings",
    "apiexports",
    "apiresourceschemas",
    "cachedresourceendpointslices",
    "cachedresources",
    "customresourcedefinitions",
    "logicalclusters",
    "workspaces",
)

_PLAIN = Strategy()


def register(*kinds: Kind) -> None:
    """Serve further built-in kinds; before anything is served."""
    for kind in kinds:
        BUILTIN[(kind.group, kind.plural)] = kind


def served_in(cluster: str) -> Iterator[list[Descriptor]]:
    """The descriptors of each built-in kind that a logical cluster serves, one a version."""
    return (kind.descriptors for kind in BUILTIN.values() if kind.is_served_in(cluster))


def strategy_of(descriptor: Descriptor) -> Strategy:
    """The strategy of a built-in kind; the plain one for all others."""
    if descriptor.origin != "builtin":
        return _PLAIN
    return BUILTIN[(descriptor.group, descriptor.plural)].strategy


def secret_resources() -> frozenset[tuple[str, str]]:
    """Group and plural name of the kinds that are encrypted at rest."""
    return frozenset(resource for resource, kind in BUILTIN.items() if kind.is_secret)


def discovery_resources() -> tuple[str, ...]:
    """Plural names of the resources whose changes say that discovery changed."""
    return _DISCOVERY_RESOURCES


register(
    namespaces.NAMESPACES,
    secrets.SECRETS,
    configmaps.CONFIGMAPS,
    events.EVENTS,
    plain.SERVICE_ACCOUNTS,
    leases.LEASES,
    crds.CRDS,
    tenancy.WORKSPACES,
    tenancy.WORKSPACE_TYPES,
    tenancy.LOGICAL_CLUSTERS,
    tenancy.SHARDS,
    exports.API_EXPORTS,
    exports.API_EXPORT_ENDPOINT_SLICES,
    bindings.API_BINDINGS,
    resourceschemas.API_RESOURCE_SCHEMAS,
    cachedresources.CACHED_RESOURCES,
    cachedresources.CACHED_RESOURCE_ENDPOINT_SLICES,
)
