"""What the links of an explanation share: where the object comes from, and what was found on the way."""

from __future__ import annotations

from dataclasses import dataclass, field

from kcpcache.apimachinery.descriptor import Descriptor
from kcpcache.apimachinery.objects import JSONObject
from replication.insight.health import Health
from replication.rows import Source
from workspaces.registry import addresses, catalogue
from workspaces.registry.addresses import WorkspaceAddress
from workspaces.store import overview


@dataclass(frozen=True, slots=True)
class Link:
    """One link of the chain: whether it holds, what was seen, and what to do when it does not."""

    name: str
    is_well: bool
    message: str
    what_to_do: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A link, and whether the chain can be followed beyond it."""

    link: Link
    goes_on: bool


def holds(name: str, message: str) -> Verdict:
    """The link is well."""
    return Verdict(Link(name, True, message), goes_on=True)


def broken(name: str, message: str, what_to_do: str) -> Verdict:
    """Nothing reaches the consumer beyond this link."""
    return Verdict(Link(name, False, message, what_to_do), goes_on=False)


def hurt(name: str, message: str, what_to_do: str) -> Verdict:
    """Not well, but what was published is still served."""
    return Verdict(Link(name, False, message, what_to_do), goes_on=True)


@dataclass(slots=True)
class Trail:
    """From one object of a provider to one consumer. `binding` is None where there is none, `entry` is the
    export's for the resource; `consumer` is the provider itself when its own view is asked for."""

    consumer: WorkspaceAddress
    name: str
    group: str
    resource: str
    provider: WorkspaceAddress
    export: JSONObject = field(default_factory=dict)
    entry: JSONObject = field(default_factory=dict)
    binding: JSONObject | None = None
    cachedresource: JSONObject | None = None
    health: Health | None = None
    source: Source | None = None
    source_revision: int = 0
    descriptor: Descriptor | None = None

    @property
    def qualified(self) -> str:
        """The resource with its group."""
        return f"{self.resource}.{self.group}" if self.group else self.resource

    @property
    def export_name(self) -> str:
        """The export's workspace and name."""
        return f"{self.provider.path}:{self.export['metadata']['name']}"


def locate(consumer: WorkspaceAddress, resource: str, name: str) -> Trail | None:
    """Where a resource that a consumer asks for would come from.

    That is an export that the consumer binds, else its own CachedResource, else any export that has the
    resource; None when nobody publishes it. `resource` is a plural name, with its group or without.
    """
    plural, _, group = resource.partition(".")

    def fits(entry: JSONObject) -> bool:
        return entry["name"] == plural and group in ("", entry["group"])

    for _, binding in overview.every(*catalogue.BINDINGS, consumer.cluster):
        reference = ((binding.get("spec") or {}).get("reference") or {}).get("export") or {}
        provider = addresses.relative(reference.get("path") or "", consumer)
        if provider is None:
            continue
        export = catalogue.read_one(provider.cluster, *catalogue.EXPORTS, reference["name"]) or {}
        for entry in filter(fits, (export.get("spec") or {}).get("resources") or []):
            return Trail(consumer, name, entry["group"], plural, provider, export, entry, binding=binding)
    for _, obj in overview.every("cache.kcp.io", "cachedresources", consumer.cluster):
        spec = obj["spec"]
        if spec["resource"] == plural and group in ("", spec["group"]):
            return Trail(consumer, name, spec["group"], plural, consumer)
    for cluster, export in overview.every(*catalogue.EXPORTS):
        for entry in filter(fits, (export.get("spec") or {}).get("resources") or []):
            if (provider := addresses.find(cluster)) is not None:
                return Trail(consumer, name, entry["group"], plural, provider, export, entry)
    return None
