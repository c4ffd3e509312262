"""The APIExport virtual workspace: what the bindings of an export hold, seen by its provider.

``/services/apiexport/<path>/<export>/clusters/<cluster or *>/…``: read-write for resources with `crd` storage in one
consumer workspace, list and watch over all of them with ``*``, read-only for virtual ones. Only workspaces that are
bound are there at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kcpcache.apimachinery import errors
from kcpcache.apimachinery.descriptor import Descriptor
from kcpcache.apimachinery.storage import Collection, Feed, ListOptions, Page
from workspaces.registry import addresses, bindings, catalogue, scopes, workspace
from workspaces.registry.addresses import WorkspaceAddress
from workspaces.registry.catalogue import Resources
from workspaces.registry.resolver import resolver
from workspaces.store import revisions, sql

WILDCARD = "*"


class WildcardStorage:
    """List and watch over every workspace that holds a resource of one export."""

    is_nonblocking = False

    def __init__(self, descriptor: Descriptor) -> None:
        self._reads = sql.SQLCollection(
            Collection(WILDCARD, descriptor.group, descriptor.plural, descriptor.identity)
        )

    def list(self, options: ListOptions) -> Page:
        """See `apimachinery.storage.Lister`."""
        return self._reads.list(options)

    def watch(self, options: ListOptions, *, with_initial: bool) -> Feed:
        """See `apimachinery.storage.Watcher`."""
        return self._reads.watch(options, with_initial=with_initial)


class APIExportScope:
    """One export, in one consumer workspace or in all."""

    def __init__(
        self, provider: WorkspaceAddress, export_name: str, consumer: WorkspaceAddress, revision: int
    ) -> None:
        self.cluster = consumer.cluster
        self.path = consumer.path
        self._provider = provider
        self._export_name = export_name
        self._revision = revision
        self._resources = _resources(provider, export_name)

    def resources(self) -> Resources:
        """The resources of the export, as it names them now."""
        return self._resources

    def storage(self, descriptor: Descriptor) -> Any:
        """The consumer's storage, or the wildcard view."""
        if "virtual" in descriptor.extra:
            provider, target = descriptor.extra["virtual"]
            return provider.storage(target, self.cluster, descriptor, self._consumers)
        if self.cluster == WILDCARD:
            return WildcardStorage(descriptor)
        return workspace.storage_of(descriptor, self.cluster, self.path)

    def refusal(self, descriptor: Descriptor, verb: str) -> str:
        """Why a verb is missing."""
        if self.cluster == WILDCARD and descriptor.origin != "virtual":
            return f"{verb} of {descriptor.qualified} needs one workspace in the URL instead of *"
        return workspace.refusal_of(descriptor, verb)

    def discovery_token(self) -> str:
        """Changes with every change of the store: this view is read by few."""
        return f"apiexport-{self._provider.cluster}-{self._export_name}-{self.cluster}-{self._revision}"

    def _consumers(self) -> Sequence[str]:
        return bindings.consumers_of(self._provider, self._export_name)


def _resources(provider: WorkspaceAddress, export_name: str) -> Resources:
    export = catalogue.read_one(provider.cluster, *catalogue.EXPORTS, export_name)
    if export is None:
        raise errors.not_found(*catalogue.EXPORTS, export_name)
    found: dict[tuple[str, str, str], Descriptor] = {}
    for descriptors in catalogue.from_export(provider, export):
        found.update({(d.group, d.version, d.plural): d for d in descriptors})
    return found


def factory(address: scopes.Address, may_block: bool) -> scopes.Scope | None:
    """The scope factory of the prefix ``apiexport``."""
    if not may_block:
        return None
    path, export_name = address.prefix_args
    provider = addresses.find(path)
    if provider is None:
        return None
    newest = revisions.newest().discovery
    if address.cluster == WILDCARD:
        return APIExportScope(provider, export_name, WorkspaceAddress(WILDCARD, WILDCARD), newest)
    found = resolver().find(address.cluster)
    if found is None or found.address.cluster not in bindings.consumers_of(provider, export_name):
        raise errors.NotFound(
            f'workspace "{address.cluster}" has no APIBinding to APIExport {export_name} of {provider.path}'
        )
    return APIExportScope(provider, export_name, found.address, newest)


scopes.register("apiexport", factory)
