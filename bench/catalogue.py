"""A provider with a catalogue of flavours and consumers bound to it, in workspaces of their own, removed afterwards."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from bench import loading, manifests, progress
from bench.api import API, Unexpected, until
from bench.instance import Instance

REMOVAL_SECONDS = 180.0


@dataclass(frozen=True, slots=True)
class Workspace:
    """A workspace: `path` such as ``root:bench-1``, `cluster` its logical cluster."""

    path: str
    cluster: str

    def url(self, path: str) -> str:
        """A path of the API in this workspace."""
        return f"/clusters/{self.path}{path}"


@dataclass(slots=True)
class Catalogue:
    """The provider's side, and who consumes it."""

    instance: Instance
    api: API
    provider: Workspace
    objects: int
    consumers: list[Workspace] = field(default_factory=list)
    _serials: int = 0

    def flavours(self, workspace: Workspace | None = None) -> str:
        """The path of the flavours in a workspace, by default the first consumer's."""
        return (workspace or self.consumers[0]).url(manifests.FLAVOURS_PATH)

    def cached(self, name: str = manifests.CACHED) -> str:
        """The path of the CachedResource."""
        return self.provider.url(f"{manifests.CACHED_PATH}/{name}")

    def replicate(self, timeout_seconds: float = 300.0) -> str:
        """Make the CachedResource and wait until all objects are in the cache; its identity hash."""
        self.api.create(self.provider.url(manifests.CACHED_PATH), manifests.cached_resource())
        return until(self._identity_when_replicated, "the replica", timeout_seconds=timeout_seconds)

    def export(self, identity_hash: str) -> None:
        """Make the schema and the export, and wait for its identity."""
        self.api.create(self.provider.url(manifests.SCHEMAS_PATH), manifests.schema())
        self.api.create(self.provider.url(manifests.EXPORTS_PATH), manifests.export(identity_hash))
        path = self.provider.url(f"{manifests.EXPORTS_PATH}/{manifests.EXPORT}")
        until(lambda: (self.api.get(path).get("status") or {}).get("identityHash"), "the export's identity")

    def consumer(self) -> Workspace:
        """A new workspace without a binding."""
        made = make_workspace(self.api, "consumer")
        self.consumers.append(made)
        return made

    def bind(self, consumer: Workspace) -> None:
        """Bind a consumer and wait until it lists every object."""
        self.api.create(consumer.url(manifests.BINDINGS_PATH), manifests.binding(self.provider.path))
        until(lambda: self.serves(consumer), f"{consumer.path} to serve the flavours")

    def serves(self, consumer: Workspace) -> bool:
        """Whether a consumer gets the whole list."""
        status, content = self.api.ask("GET", f"{self.flavours(consumer)}?limit=1")
        if status != 200:
            return False
        listed = json.loads(content)
        return len(listed["items"]) + int(listed["metadata"].get("remainingItemCount") or 0) == self.objects

    def serials(self, count: int) -> range:
        """Serials that no change has had yet: a change that changes nothing would make no event."""
        first = self._serials + 1
        self._serials += count
        return range(first, first + count)

    def revision(self, workspace: Workspace | None = None) -> str:
        """The resourceVersion of the flavours' list, to watch from."""
        listed = self.api.get(f"{self.flavours(workspace)}?limit=1")
        return str(listed["metadata"]["resourceVersion"])

    def watch(self, workspace: Workspace | None = None) -> str:
        """The path of a watch from now on."""
        return f"{self.flavours(workspace)}?watch=true&resourceVersion={self.revision(workspace)}&timeoutSeconds=600"

    def _identity_when_replicated(self) -> str:
        status: dict[str, Any] = self.api.get(self.cached()).get("status") or {}
        counts = status.get("resourceCounts") or {}
        is_whole = counts.get("cache") == counts.get("local") == self.objects
        return str(status.get("identityHash") or "") if is_whole else ""


@contextlib.contextmanager
def stored(instance: Instance, objects: int) -> Iterator[Catalogue]:
    """A provider with the CRD and its objects; nothing is replicated yet."""
    with API(instance.target) as api:
        catalogue = Catalogue(instance, api, make_workspace(api, "provider"), objects)
        try:
            api.create(catalogue.provider.url(manifests.CRDS_PATH), manifests.crd())
            until(
                lambda: api.ask("GET", catalogue.flavours(catalogue.provider))[0] == 200,
                "the CRD to be served",
            )
            progress.say(f"  loading {objects:,} objects")
            loading.load(instance, catalogue.provider.path, objects)
            yield catalogue
        finally:
            remove(api, [*catalogue.consumers, catalogue.provider])


@contextlib.contextmanager
def published(instance: Instance, objects: int, consumers: int = 1) -> Iterator[Catalogue]:
    """A catalogue that is replicated, exported and bound."""
    with stored(instance, objects) as catalogue:
        catalogue.export(catalogue.replicate())
        for _ in range(consumers):
            catalogue.bind(catalogue.consumer())
        yield catalogue


def make_workspace(api: API, purpose: str) -> Workspace:
    """A new workspace below root, ready."""
    name = f"bench-{purpose}-{os.getpid()}-{time.monotonic_ns() // 1000 % 10**9}"
    collection = f"/clusters/root{manifests.WORKSPACES_PATH}"
    api.create(collection, manifests.workspace(name))

    def ready() -> Any:
        found = api.get(f"{collection}/{name}")
        return found if (found.get("status") or {}).get("phase") == "Ready" else None

    return Workspace(f"root:{name}", until(ready, f"workspace {name}")["spec"]["cluster"])


def remove(api: API, workspaces: list[Workspace]) -> None:
    """Delete workspaces with all that is in them; says so when one of them stays."""
    try:
        for each in workspaces:
            api.delete(_workspace(each))
        for each in workspaces:
            _await_removal(api, _workspace(each))
    except (Unexpected, OSError) as error:
        progress.say(f"  left behind: {error}")


def _workspace(each: Workspace) -> str:
    return f"/clusters/root{manifests.WORKSPACES_PATH}/{each.path.rpartition(':')[2]}"


def _await_removal(api: API, path: str) -> None:
    until(lambda: api.ask("GET", path)[0] == 404, f"{path} to go", timeout_seconds=REMOVAL_SECONDS)
