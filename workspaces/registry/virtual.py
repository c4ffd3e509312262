"""Providers of virtual storage, by the kind of endpoint slice that an APIExport references.

The apps above register theirs (`replication` the CachedResourceEndpointSlice); the resolver asks here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from kcpcache.apimachinery.descriptor import Descriptor


@dataclass(frozen=True, slots=True)
class Reference:
    """One `storage.virtual` of an APIExport, with the workspace and the resource it stands for."""

    provider_cluster: str
    api_group: str
    kind: str
    name: str
    identity_hash: str
    group: str
    resource: str


class Provider(Protocol):
    """Serves the objects behind a kind of endpoint slice."""

    def problem(self, reference: Reference) -> str:
        """Why nothing is served, one sentence; empty when all is well."""

    def target(self, reference: Reference) -> Any:
        """What `storage` needs to find the objects again (opaque here), and with attribute `version`,
        the one version that is served."""

    def verbs(self) -> tuple[str, ...]:
        """The verbs that the storage has."""

    def storage(
        self,
        target: Any,
        consumer_cluster: str,
        descriptor: Descriptor,
        consumers: Callable[[], Sequence[str]],
    ) -> Any:
        """The storage as one consumer sees it; consumer ``*``: as all of `consumers()` together."""


_providers: dict[tuple[str, str], Provider] = {}


def register(api_group: str, kind: str, provider: Provider) -> None:
    """Make a provider known; called from an app's `ready()`."""
    _providers[(api_group, kind)] = provider


def provider_of(reference: Reference) -> Provider | None:
    """The provider for this kind of reference, None when there is none."""
    return _providers.get((reference.api_group, reference.kind))


def problem_of(reference: Reference) -> str:
    """Why this reference serves nothing; empty when it does."""
    provider = provider_of(reference)
    if provider is None:
        return f"virtual storage of kind {reference.kind}.{reference.api_group} is not known here"
    return provider.problem(reference)
