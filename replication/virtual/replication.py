"""The Replication virtual workspace: ``/services/replication/<cluster>/<cachedresource>/clusters/<consumer or *>``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from kcpcache.apimachinery.descriptor import Descriptor
from kcpcache.apimachinery.objects import JSONObject
from replication.controllers.state import GROUP, PLURAL
from replication.virtual import exports
from replication.virtual.provider import VirtualTarget
from workspaces.registry import addresses, catalogue, client, workspace
from workspaces.registry.addresses import WorkspaceAddress
from workspaces.registry.resolver import resolver
from workspaces.registry.scopes import Address, Resources
from workspaces.store import revisions


class ReplicationScope:
    """What one CachedResource publishes: to one consumer, or to all of them together."""

    def __init__(
        self,
        cluster: str,
        path: str,
        resources: Resources,
        consumers: Callable[[], Sequence[str]],
        token: str,
    ) -> None:
        self.cluster = cluster
        self.path = path
        self._resources = resources
        self._consumers = consumers
        self._token = token

    def resources(self) -> Resources:
        """See `scopes.Scope`."""
        return self._resources

    def storage(self, descriptor: Descriptor) -> Any:
        """See `scopes.Scope`."""
        provider, target = descriptor.extra["virtual"]
        return provider.storage(target, self.cluster, descriptor, self._consumers)

    def refusal(self, descriptor: Descriptor, verb: str) -> str:
        """See `scopes.Scope`."""
        return workspace.refusal_of(descriptor, verb)

    def discovery_token(self) -> str:
        """See `scopes.Scope`."""
        return self._token


def factory(address: Address, may_block: bool) -> ReplicationScope | None:
    """The scope factory of the prefix ``replication``; None without an export that publishes and a binding."""
    if not may_block or len(address.prefix_args) != 2:
        return None
    provider = addresses.find(address.prefix_args[0])
    cachedresource = client.get(provider.cluster, GROUP, PLURAL, address.prefix_args[1]) if provider else None
    if provider is None or cachedresource is None:
        return None
    if address.cluster == "*":
        return _wildcard(provider, cachedresource)
    found = resolver().find(address.cluster)
    if found is None:
        return None
    uid = cachedresource["metadata"]["uid"]
    resources = {
        key: descriptor for key, descriptor in found.resources.items() if _publishes(descriptor, uid)
    }
    if not resources:
        return None
    home = found.address
    return ReplicationScope(
        home.cluster, home.path, resources, lambda: [home.cluster], f"{uid}-{found.token}"
    )


def _wildcard(provider: WorkspaceAddress, cachedresource: JSONObject) -> ReplicationScope | None:
    """All bound consumers of all exports that publish a CachedResource."""
    uid = cachedresource["metadata"]["uid"]
    revision = revisions.newest().value
    resources: dict[tuple[str, str, str], Descriptor] = {}
    for export, _ in _bound_exports(provider, cachedresource).values():
        for descriptors in catalogue.from_export(provider, export):
            for descriptor in descriptors:
                if _publishes(descriptor, uid):
                    resources.setdefault(
                        (descriptor.group, descriptor.version, descriptor.plural), descriptor
                    )
    if not resources:
        return None

    def consumers() -> list[str]:
        bound = _bound_exports(provider, cachedresource).values()
        return sorted({consumer for found in bound for consumer in found[1]})

    return ReplicationScope("*", "*", resources, consumers, f"{uid}-{revision}")


def _bound_exports(
    provider: WorkspaceAddress, cachedresource: JSONObject
) -> dict[str, tuple[JSONObject, list[str]]]:
    """The exports that publish a CachedResource and have consumers, by name, each with them."""
    identity_hash = (cachedresource.get("status") or {}).get("identityHash") or ""
    found = {}
    for slice_ in exports.slices_of(provider.cluster, cachedresource["metadata"]["name"]):
        for export in exports.using_slice(provider.cluster, slice_["metadata"]["name"], identity_hash):
            if consumers := exports.consumers_of(provider, export):
                found[export["metadata"]["name"]] = (export, consumers)
    return found


def _publishes(descriptor: Descriptor, uid: str) -> bool:
    _, target = descriptor.extra.get("virtual", (None, None))
    return isinstance(target, VirtualTarget) and target.uid == uid
