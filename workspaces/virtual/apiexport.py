"""The APIExport virtual workspace: what the bindings of an export hold, seen by its provider.

``/services/apiexport/<path>/<export>/clusters/<cluster or *>/…``: read-write for resources with `crd` storage in one
consumer workspace, list and watch over all of them with ``*``, read-only for virtual ones; besides, as far as the
consumers accept them, the resources that the export claims. Only workspaces that are bound are there at all, and
those that are being unbound while they wait for objects which the provider has to clean up.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from kcpcache.apimachinery import errors
from kcpcache.apimachinery.descriptor import Descriptor
from kcpcache.apimachinery.objects import JSONObject
from kcpcache.apimachinery.storage import Collection, Feed, ListOptions, Page
from workspaces import kinds
from workspaces.registry import addresses, bindings, catalogue, claims, rest, scopes, workspace
from workspaces.registry.addresses import WorkspaceAddress
from workspaces.registry.catalogue import Catalogue, Resources
from workspaces.registry.claims import Claim
from workspaces.registry.resolver import resolver
from workspaces.store import revisions, sql
from workspaces.virtual import claimed

WILDCARD = "*"
_ENDING_VERBS = tuple(verb for verb in claims.VERBS if verb != "create")

_Found = dict[tuple[str, str, str], Descriptor]


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
        self,
        provider: WorkspaceAddress,
        export_name: str,
        consumer: WorkspaceAddress,
        resources: Resources,
        revision: int,
    ) -> None:
        self.cluster = consumer.cluster
        self.path = consumer.path
        self._provider = provider
        self._export_name = export_name
        self._revision = revision
        self._resources = resources

    def resources(self) -> Resources:
        """The resources of the export, as it names them now, and those that it claims."""
        return self._resources

    def storage(self, descriptor: Descriptor) -> Any:
        """The consumer's storage, or the wildcard view."""
        if "claimed" in descriptor.extra:
            return self._claimed_storage(descriptor)
        if "virtual" in descriptor.extra:
            provider, target = descriptor.extra["virtual"]
            return provider.storage(target, self.cluster, descriptor, self._consumers)
        if self.cluster == WILDCARD:
            return WildcardStorage(descriptor)
        return workspace.storage_of(descriptor, self.cluster, self.path)

    def refusal(self, descriptor: Descriptor, verb: str) -> str:
        """Why a verb is missing; raises Forbidden for one that is not claimed."""
        if self.cluster == WILDCARD and descriptor.origin != "virtual" and verb not in ("list", "watch"):
            return f"{verb} of {descriptor.qualified} needs one workspace in the URL instead of *"
        if "claimed" in descriptor.extra:
            raise claimed.refused(descriptor, verb)
        if descriptor.is_terminating:
            return f"workspace {self.path} is being unbound: {verb} of {descriptor.qualified} is not possible"
        return workspace.refusal_of(descriptor, verb)

    def discovery_token(self) -> str:
        """Changes with every change of the store: this view is read by few."""
        return f"apiexport-{self._provider.cluster}-{self._export_name}-{self.cluster}-{self._revision}"

    def _claimed_storage(self, descriptor: Descriptor) -> Any:
        original, selectors = descriptor.extra["claimed"], descriptor.extra["selectors"]
        if self.cluster == WILDCARD:
            reads = sql.SQLCollection(
                Collection(WILDCARD, original.group, original.plural, original.identity)
            )
            return claimed.ClaimedEverywhere(reads, selectors["list"], selectors["watch"])
        stored = rest.ResourceStorage(original, kinds.strategy_of(original), self.cluster, self.path)
        return claimed.ClaimedStorage(stored, selectors, may_create="create" in descriptor.verbs)

    def _consumers(self) -> Sequence[str]:
        return bindings.consumers_of(self._provider, self._export_name)


def factory(address: scopes.Address, may_block: bool) -> scopes.Scope | None:
    """The scope factory of the prefix ``apiexport``."""
    if not may_block:
        return None
    path, export_name = address.prefix_args
    provider = addresses.find(path)
    if provider is None:
        return None
    newest = revisions.newest().discovery
    export = catalogue.read_one(provider.cluster, *catalogue.EXPORTS, export_name)
    if export is None:
        raise errors.not_found(*catalogue.EXPORTS, export_name)
    if address.cluster == WILDCARD:
        everywhere = WorkspaceAddress(WILDCARD, WILDCARD)
        return APIExportScope(provider, export_name, everywhere, _of_all(provider, export), newest)
    consumer = resolver().find(address.cluster)
    resources = _of_one(provider, export, consumer) if consumer else None
    if consumer is None or resources is None:
        raise errors.NotFound(
            f'workspace "{address.cluster}" has no APIBinding to APIExport {export_name} of {provider.path}'
        )
    return APIExportScope(provider, export_name, consumer.address, resources, newest)


def _of_one(provider: WorkspaceAddress, export: JSONObject, consumer: Catalogue) -> Resources | None:
    """What the provider sees in one workspace; None when it is not bound."""
    cluster, found, is_there = consumer.address.cluster, _Found(), False
    for _, binding in bindings.bindings_of(provider, export["metadata"]["name"], cluster):
        if not bindings.is_of(binding, export):
            continue
        if bindings.is_bound(binding, provider):
            is_there = True
            _add(found, catalogue.bound(provider, export, binding))
            _add(found, ([d] for claim in claims.agreed(binding, export) for d in _claimed(claim, consumer)))
        elif bindings.is_ending(binding, provider):
            is_there = True
            _add(found, _ending(catalogue.bound(provider, export, binding)))
    return found if is_there else None


def _ending(held: Iterable[list[Descriptor]]) -> Iterator[list[Descriptor]]:
    """What a workspace stores that is being unbound: it may be cleaned up, and nothing new may come."""
    for descriptors in held:
        yield [
            dataclasses.replace(descriptor, is_terminating=True, verbs=_ENDING_VERBS, extra={})
            for descriptor in descriptors
            if descriptor.origin != "virtual"
        ]


def _claimed(claim: Claim, consumer: Catalogue) -> Iterator[Descriptor]:
    if claim.selector is None or claim.problem:
        return
    for descriptor in claims.descriptors_of(claim, consumer.resources):
        yield claims.claimed(descriptor, claim.verbs, claim.stated, selectors=claim.selector)


def _of_all(provider: WorkspaceAddress, export: JSONObject) -> Resources:
    """What the provider sees over all workspaces: its own resources, and the built-in ones that it claims.

    A claim on a resource of another export needs one workspace in the URL: who provides it there is for each
    workspace to say.
    """
    found = _Found()
    _add(found, catalogue.from_export(provider, export))
    if not claims.asked(export):
        return found
    accepted: dict[tuple[str, str], list[tuple[str, Claim]]] = {}
    for cluster, binding in bindings.bindings_of(provider, export["metadata"]["name"]):
        if not bindings.is_bound(binding, provider) or not bindings.is_of(binding, export):
            continue
        for claim in claims.agreed(binding, export):
            if not claim.problem and not claim.stated.get("identityHash"):
                resource = (claim.stated.get("group") or "", claim.stated["resource"])
                accepted.setdefault(resource, []).append((cluster, claim))
    for resource, granted in accepted.items():
        if resource in kinds.BUILTIN:
            _add(
                found,
                [_claimed_by_all(descriptor, granted) for descriptor in kinds.BUILTIN[resource].descriptors],
            )
    return found


def _claimed_by_all(descriptor: Descriptor, granted: list[tuple[str, Claim]]) -> list[Descriptor]:
    selectors = {
        verb: {cluster: claim.selector for cluster, claim in granted if verb in claim.verbs}
        for verb in ("list", "watch")
    }
    verbs = [verb for verb, clusters in selectors.items() if clusters]
    terms = {cluster: claim.stated for cluster, claim in granted}
    return [claims.claimed(descriptor, verbs, terms, selectors=selectors)] if verbs else []


def _add(found: _Found, resources: Iterable[list[Descriptor]]) -> None:
    """Take resources in, unless there is one of the name already: the export's own go first."""
    for descriptors in resources:
        for descriptor in descriptors:
            found.setdefault((descriptor.group, descriptor.version, descriptor.plural), descriptor)


scopes.register("apiexport", factory)
