"""Remembers what each workspace serves, and forgets it when the store says so.

`refresh` compares one number, the store's `discovery` revision, with the one seen last; when it moved, the change log
tells which clusters were touched, and they and all that depend on them are forgotten. A request that refreshes first
therefore never sees older discovery or schemas than the store had when the request began, in whichever process.
"""

from __future__ import annotations

import threading

from django.db.models import Max

from workspaces import kinds
from workspaces.models import Change
from workspaces.registry import addresses, catalogue
from workspaces.registry.addresses import WorkspaceAddress
from workspaces.registry.catalogue import Catalogue
from workspaces.store import revisions
from workspaces.store.revisions import Revisions

_LIMIT = 20_000  # workspaces remembered; beyond it all is forgotten and built again on demand


class Resolver:
    """Catalogues by workspace path or logical cluster name. Safe to be used by many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen = -1
        self._by_cluster: dict[str, Catalogue] = {}
        self._by_reference: dict[str, WorkspaceAddress] = {}

    def refresh(self, newest: Revisions | None = None) -> None:
        """Forget what changed since the last time; one cheap statement when nothing did."""
        newest = newest or revisions.newest()
        if newest.discovery == self._seen:
            return
        with self._lock:
            if newest.discovery <= self._seen:
                return
            if self._seen < newest.compacted:
                self._by_cluster.clear()
                self._by_reference.clear()
            else:
                self._forget(self._changed_clusters(self._seen, newest.discovery))
            self._seen = newest.discovery

    @property
    def discovery(self) -> int:
        """The last discovery revision that was seen; -1 before the first refresh."""
        return self._seen

    def is_current(self, newest: Revisions) -> bool:
        """Whether nothing changed since the last refresh."""
        return newest.discovery <= self._seen

    def known(self, reference: str) -> Catalogue | None:
        """The remembered catalogue of a workspace, None when there is none; for use right after a refresh."""
        address = self._by_reference.get(reference)
        return self._by_cluster.get(address.cluster) if address else None

    def find(self, reference: str) -> Catalogue | None:
        """The catalogue of a workspace, built when it is not remembered; None when there is no such workspace."""
        found = self.known(reference)
        if found is not None:
            return found
        before = revisions.newest()
        address = addresses.find(reference)
        if address is None:
            return None
        built = catalogue.build(address, before.value)
        with self._lock:
            if len(self._by_cluster) >= _LIMIT:
                self._by_cluster.clear()
                self._by_reference.clear()
            # A refresh that ran meanwhile could not forget what was not there yet.
            if self._seen <= before.discovery:
                self._by_cluster[address.cluster] = built
                self._by_reference[address.cluster] = address
                self._by_reference[address.path] = address
        return built

    def _changed_clusters(self, after: int, until: int) -> set[str]:
        rows = (
            Change.objects.filter(
                revision__gt=after, revision__lte=until, resource__in=kinds.discovery_resources()
            )
            .values("cluster")
            .annotate(last=Max("revision"))
            .values_list("cluster", flat=True)
        )
        return set(rows)

    def _forget(self, clusters: set[str]) -> None:
        for cluster, known in list(self._by_cluster.items()):
            if cluster in clusters or not known.depends_on.isdisjoint(clusters):
                del self._by_cluster[cluster]
        # A workspace may have come, gone or come back under the same path: addresses are cheap to find again.
        self._by_reference = {
            reference: address
            for reference, address in self._by_reference.items()
            if address.cluster in self._by_cluster
        }


_resolver = Resolver()


def resolver() -> Resolver:
    """The resolver of this process."""
    return _resolver
