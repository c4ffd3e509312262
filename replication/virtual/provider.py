"""Virtual storage behind a CachedResourceEndpointSlice: what an APIExport's consumers read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.conf import settings

from kcpcache.apimachinery import conditions, objects
from kcpcache.apimachinery.descriptor import Descriptor
from kcpcache.apimachinery.objects import JSONObject
from replication.controllers.state import GROUP, PLURAL, SLICES
from replication.replica.keys import Family
from replication.replica.reader import ReplicaView
from workspaces.registry import addresses, client
from workspaces.registry.virtual import Reference


@dataclass(frozen=True, slots=True)
class VirtualTarget:
    """The replica behind a reference, and the version that it holds."""

    cluster: str
    name: str
    uid: str
    version: str


class CachedResourceProvider:
    """See `workspaces.registry.virtual.Provider`."""

    def problem(self, reference: Reference) -> str:
        """Export, slice and CachedResource lie in one workspace, and identity and resource are the same."""
        return _resolve(reference)[0]

    def target(self, reference: Reference) -> VirtualTarget:
        """The replica behind a reference without a problem."""
        problem, cachedresource = _resolve(reference)
        if cachedresource is None:
            raise LookupError(problem)
        metadata = cachedresource["metadata"]
        return VirtualTarget(
            reference.provider_cluster, metadata["name"], metadata["uid"], cachedresource["spec"]["version"]
        )

    def verbs(self) -> tuple[str, ...]:
        """A replica is read-only by construction."""
        return ("get", "list", "watch")

    def storage(
        self,
        target: VirtualTarget,
        consumer_cluster: str,
        descriptor: Descriptor,
        consumers: Callable[[], Sequence[str]],
    ) -> ReplicaView:
        """The objects as one consumer, or with ``*`` all of them, sees them."""
        family = Family(settings.KCPCACHE_SHARD, target.cluster, target.uid)
        if consumer_cluster == "*":
            return ReplicaView(family, descriptor, consumers, is_wildcard=True)
        return ReplicaView(family, descriptor, lambda: (consumer_cluster,))


def _resolve(reference: Reference) -> tuple[str, JSONObject | None]:
    """What is wrong with a reference, or the CachedResource behind it."""
    slice_ = client.get(reference.provider_cluster, GROUP, SLICES, reference.name)
    if slice_ is None:
        return f"there is no CachedResourceEndpointSlice {reference.name}", None
    wanted = slice_["spec"]["cachedResource"]
    if path := wanted.get("path"):
        home = addresses.find(path)
        if home is None or home.cluster != reference.provider_cluster:
            return f"CachedResourceEndpointSlice {reference.name} refers to another workspace", None
    cachedresource = client.get(reference.provider_cluster, GROUP, PLURAL, wanted["name"])
    if cachedresource is None or objects.is_being_deleted(cachedresource):
        return f"there is no CachedResource {wanted['name']}", None
    return _mismatch(reference, cachedresource), cachedresource


def _mismatch(reference: Reference, cachedresource: JSONObject) -> str:
    name, spec = cachedresource["metadata"]["name"], cachedresource["spec"]
    status = cachedresource.get("status") or {}
    if (spec.get("group") or "", spec["resource"]) != (reference.group, reference.resource):
        return f"CachedResource {name} is of another resource"
    if not status.get("identityHash") or status["identityHash"] != reference.identity_hash:
        return f"the identityHash is not that of CachedResource {name}"
    if not conditions.is_true(cachedresource, "ResourceValid"):
        return f"CachedResource {name} has nothing to replicate"
    if status.get("phase") != "Ready":
        return f"CachedResource {name} is not ready"
    return ""
