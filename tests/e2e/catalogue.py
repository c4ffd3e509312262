"""A provider with flavours and consumers of them, made quickly for one test or one file of tests."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from supervisor.demo.story import MANIFESTS
from tests.e2e.http import API, Events
from tests.servers import Server
from tests.waiting import until

GROUP = "cloud.example.com"
FLAVOURS = f"/apis/{GROUP}/v1/cpuflavors"
CACHED = "/apis/cache.kcp.io/v1alpha1/cachedresources"
EXPORTS = "/apis/apis.kcp.io/v1alpha2/apiexports"
BINDINGS = "/apis/apis.kcp.io/v1alpha2/apibindings"
SCHEMAS = "/apis/apis.kcp.io/v1alpha1/apiresourceschemas"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
EXPORT = "compute.cloud.example.com"

_numbers = itertools.count(1)


def documents(manifest: str) -> list[dict[str, Any]]:
    """The objects of one of the demo's files."""
    return list(yaml.safe_load_all((MANIFESTS / manifest).read_text()))


def flavour(name: str, cores: int = 2, **labels: str) -> dict[str, Any]:
    """A CPUFlavor."""
    metadata: dict[str, Any] = {"name": name}
    if labels:
        metadata["labels"] = labels
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "CPUFlavor",
        "metadata": metadata,
        "spec": {"cores": cores, "threads": 2 * cores},
    }


def condition(obj: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """A condition of an object, empty when it is not there."""
    found = [each for each in (obj.get("status") or {}).get("conditions") or [] if each["type"] == kind]
    return found[0] if found else {}


@dataclass
class Workspace:
    """One workspace of a server: `path` such as root:cloud, `cluster` its logical cluster."""

    server: Server
    api: API
    path: str
    cluster: str

    def url(self, path: str) -> str:
        """A path of the API in this workspace."""
        return f"/clusters/{self.path}{path}"

    def get(self, path: str) -> Any:
        """GET, which must succeed."""
        return self.api.get(self.url(path))

    def create(self, path: str, obj: Mapping[str, Any]) -> Any:
        """POST, which must succeed."""
        return self.api.create(self.url(path), obj)

    def merge(self, path: str, patch: Mapping[str, Any]) -> Any:
        """A merge patch, which must succeed."""
        return self.api.merge(self.url(path), patch)

    def delete(self, path: str) -> None:
        """DELETE, which must succeed."""
        self.api.delete(self.url(path))

    def names(self, path: str) -> list[str]:
        """The names in a list; empty while the resource is not served."""
        answer = self.api.request("GET", self.url(path))
        return [item["metadata"]["name"] for item in answer.json["items"]] if answer.status == 200 else []

    def until_names(self, path: str, *names: str) -> None:
        """Wait until a list has exactly these names."""
        until(lambda: self.names(path) == sorted(names), what=f"{self.path}{path} to hold {sorted(names)}")

    def until_condition(self, path: str, kind: str, status: str = "True") -> dict[str, Any]:
        """Wait for a condition of an object; the condition."""

        def found() -> dict[str, Any]:
            present = condition(self.get(path), kind)
            return present if present.get("status") == status else {}

        return until(found, what=f"{kind}={status} of {path}")

    def kubectl(self, *arguments: str, **options: Any) -> str:
        """What kubectl prints here."""
        done = self.server.kubectl(*arguments, workspace=self.path, **options)
        return done.stdout + done.stderr


@dataclass
class Provider:
    """A workspace that publishes cpuflavors through an export."""

    workspace: Workspace
    identity: str = ""
    flavours: list[str] = field(default_factory=list)

    def consumer(self, name: str = "consumer") -> Workspace:
        """A new workspace that is bound to the export and serves the flavours."""
        made = workspace(self.workspace.server, name)
        bind(made, self.workspace.path)
        return made


def workspace(server: Server, name: str, parent: str = "root") -> Workspace:
    """A new workspace, ready; its name is unique in this run."""
    api = API(server)
    unique = f"{name}-{next(_numbers)}"
    url = f"/clusters/{parent}/apis/tenancy.kcp.io/v1alpha1/workspaces"
    made = {"apiVersion": "tenancy.kcp.io/v1alpha1", "kind": "Workspace", "metadata": {"name": unique}}
    api.create(url, made)
    ready = until(lambda: _ready(api.get(f"{url}/{unique}")), what=f"workspace {unique}")
    return Workspace(server, api, f"{parent}:{unique}", ready["spec"]["cluster"])


def _ready(obj: dict[str, Any]) -> dict[str, Any]:
    return obj if (obj.get("status") or {}).get("phase") == "Ready" else {}


def with_flavours(server: Server, name: str = "provider", count: int = 3) -> Workspace:
    """A workspace with the CRDs and flavours cpu-1 … cpu-<count>."""
    made = workspace(server, name)
    for crd in documents("crds.yaml"):
        made.create(CRDS, crd)
    for number in range(1, count + 1):
        made.create(FLAVOURS, flavour(f"cpu-{number}", cores=number))
    return made


def cached_resource(name: str = "cpuflavors-v1", **spec: Any) -> dict[str, Any]:
    """A CachedResource for cpuflavors."""
    return {
        "apiVersion": "cache.kcp.io/v1alpha1",
        "kind": "CachedResource",
        "metadata": {"name": name},
        "spec": {"group": GROUP, "version": "v1", "resource": "cpuflavors", **spec},
    }


def replicate(provider: Workspace, **spec: Any) -> str:
    """Make the CachedResource and wait until it is Ready; its identity hash."""
    provider.create(CACHED, cached_resource(**spec))
    return ready_identity(provider)


def ready_identity(provider: Workspace, name: str = "cpuflavors-v1") -> str:
    """Wait until a CachedResource is Ready; its identity hash."""

    def identity() -> str:
        status = provider.get(f"{CACHED}/{name}").get("status") or {}
        return str(status.get("identityHash") or "") if status.get("phase") == "Ready" else ""

    return until(identity, what=f"{name} to be Ready in {provider.path}")


def until_counts(provider: Workspace, local: int, cache: int, name: str = "cpuflavors-v1") -> None:
    """Wait until the counts of a CachedResource are these; the failure shows its whole status."""

    def status() -> Any:
        return provider.get(f"{CACHED}/{name}").get("status") or {}

    def has_counts() -> bool:
        return bool(status().get("resourceCounts") == {"local": local, "cache": cache})

    try:
        until(has_counts, what=f"resourceCounts local {local}, cache {cache}")
    except AssertionError as late:
        raise AssertionError(f"{late}; status: {status()}") from None


def export(provider: Workspace, identity: str) -> None:
    """Export instances (crd) and cpuflavors (virtual)."""
    for schema in documents("schemas.yaml"):
        provider.create(SCHEMAS, schema)
    manifest = documents("export.yaml")[0]
    manifest["spec"]["resources"] = manifest["spec"]["resources"][:2]
    manifest["spec"]["resources"][1]["storage"]["virtual"]["identityHash"] = identity
    provider.create(EXPORTS, manifest)
    until(
        lambda: (provider.get(f"{EXPORTS}/{EXPORT}").get("status") or {}).get("identityHash"),
        what="the export",
    )


def bind(consumer: Workspace, provider_path: str, *, wait: bool = True) -> None:
    """Bind a consumer to the export, and wait until it lists the flavours."""
    binding = documents("binding.yaml")[0]
    binding["spec"]["reference"]["export"]["path"] = provider_path
    consumer.create(BINDINGS, binding)
    if wait:
        until(lambda: _bound(consumer), what=f"{consumer.path} to be bound")
        until(
            lambda: consumer.api.request("GET", consumer.url(FLAVOURS)).status == 200,
            what=f"{consumer.path} to serve cpuflavors",
        )


def _bound(consumer: Workspace) -> bool:
    return bool((consumer.get(f"{BINDINGS}/compute").get("status") or {}).get("phase") == "Bound")


def publish(server: Server, name: str = "provider", count: int = 3, **spec: Any) -> Provider:
    """A provider from CRD to export."""
    made = with_flavours(server, name, count)
    identity = replicate(made, **spec)
    export(made, identity)
    return Provider(made, identity, [f"cpu-{number}" for number in range(1, count + 1)])


def until_added(events: Events, *names: str) -> None:
    """Wait until a watch has shown all of these."""
    for name in names:
        events.wait_for("ADDED", name)
