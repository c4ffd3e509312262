"""The scope of ``/clusters/<workspace>``: everything that the workspace serves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kcpcache.apimachinery.descriptor import Descriptor
from workspaces import kinds
from workspaces.registry import rest, scopes
from workspaces.registry.catalogue import Catalogue, Resources
from workspaces.registry.resolver import resolver


class WorkspaceScope:
    """One workspace."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.cluster = catalogue.address.cluster
        self.path = catalogue.address.path
        self._catalogue = catalogue

    def resources(self) -> Resources:
        """See `scopes.Scope`."""
        return self._catalogue.resources

    def storage(self, descriptor: Descriptor) -> Any:
        """The SQL store behind the write pipeline, or the provider of a virtual resource."""
        return storage_of(descriptor, self.cluster, self.path)

    def refusal(self, descriptor: Descriptor, verb: str) -> str:
        """Why a verb is missing; for a bound catalogue it names the provider."""
        return refusal_of(descriptor, verb)

    def discovery_token(self) -> str:
        """See `scopes.Scope`."""
        return self._catalogue.token


def storage_of(descriptor: Descriptor, cluster: str, path: str) -> Any:
    """The storage of a descriptor in one workspace."""
    if "virtual" in descriptor.extra:
        provider, target = descriptor.extra["virtual"]
        return provider.storage(target, cluster, descriptor, _no_consumers)
    return rest.ResourceStorage(descriptor, kinds.strategy_of(descriptor), cluster, path)


def refusal_of(descriptor: Descriptor, verb: str) -> str:
    """The message of a 405."""
    if descriptor.origin == "virtual" and descriptor.provider is not None:
        return (
            f"{descriptor.qualified} is read-only here: it is provided by workspace {descriptor.provider.path} "
            f"through APIExport {descriptor.provider.export}; {verb} it there"
        )
    return f"the server does not allow {verb} on {descriptor.qualified}"


def _no_consumers() -> Sequence[str]:
    return ()


def factory(address: scopes.Address, may_block: bool) -> scopes.Scope | None:
    """The scope factory of the prefix ``clusters``."""
    found = resolver().find(address.cluster) if may_block else resolver().known(address.cluster)
    return WorkspaceScope(found) if found else None


scopes.register("clusters", factory)
