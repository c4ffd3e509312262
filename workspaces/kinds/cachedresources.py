"""CachedResources and their endpoint slices: what the API accepts of them (seed, "Resource replication")."""

from __future__ import annotations

from collections.abc import Sequence

from kcpcache.apimachinery import errors, field, labels, names, objects
from kcpcache.apimachinery.errors import Cause
from kcpcache.apimachinery.objects import JSONObject
from workspaces.admission import sources
from workspaces.kinds import indexes, kind, systemgroups
from workspaces.registry.strategy import Context, Strategy
from workspaces.store.objects import IndexEntry

_SELECTOR_FIELDS = ("matchLabels", "matchExpressions")


class CachedResourceStrategy(Strategy):
    """One a group, version and resource of a workspace, which it keeps for its life."""

    def normalize(self, obj: JSONObject) -> None:
        """Read labels directly under `labelSelector` as its matchLabels, which they replace wholly.

        Raises Invalid for anything else that is not part of a LabelSelector: dropping it would select everything.
        """
        spec = obj.get("spec")
        selector = spec.get("labelSelector") if isinstance(spec, dict) else None
        if not isinstance(selector, dict):
            return
        short = {name: value for name, value in selector.items() if name not in _SELECTOR_FIELDS}
        if not short:
            return
        wrong = [name for name, value in short.items() if not isinstance(value, str)]
        if wrong:
            raise errors.invalid(
                "cache.kcp.io",
                "CachedResource",
                str(objects.metadata(obj).get("name") or ""),
                [field.invalid(f"spec.labelSelector.{name}", name, "unknown field") for name in wrong],
            )
        for name in short:
            del selector[name]
        selector["matchLabels"] = short

    def prepare_for_create(self, context: Context, obj: JSONObject) -> None:
        """See `Strategy`."""
        obj["status"] = {"phase": "Initializing"}

    def admit(self, context: Context, obj: JSONObject | None, old: JSONObject | None) -> None:
        """Refuse a resource that is known here to be namespaced; one that is not known yet may come."""
        if obj is None or old is not None:
            return
        spec = obj["spec"]
        if sources.scope_of(context.cluster, spec["group"], spec["resource"]) == "Namespaced":
            raise _refused(obj, "is namespaced; only cluster-scoped resources can be replicated")

    def validate(self, context: Context, obj: JSONObject) -> list[Cause]:
        """See `Strategy`."""
        spec = obj["spec"]
        causes: list[Cause] = []
        if systemgroups.is_system(spec.get("group") or ""):
            causes.append(
                field.invalid("spec.resource", _qualified(spec), "is built in and cannot be replicated")
            )
        if not spec.get("version"):
            causes.append(field.required("spec.version", "the version in which the resource is replicated"))
        else:
            causes += [
                field.invalid("spec.version", spec["version"], problem)
                for problem in names.dns1035_label(spec["version"])
            ]
        return causes + labels.validate_label_selector(spec.get("labelSelector"), "spec.labelSelector")

    def validate_update(self, context: Context, obj: JSONObject, old: JSONObject) -> list[Cause]:
        """See `Strategy`."""
        return [
            field.invalid(f"spec.{name}", obj["spec"].get(name), "field is immutable")
            for name in ("group", "version", "resource")
            if obj["spec"].get(name) != old["spec"].get(name)
        ]

    def indexes(self, context: Context, obj: JSONObject) -> Sequence[IndexEntry]:
        """See `Strategy`; the resource is claimed for this workspace."""
        spec = obj["spec"]
        value = indexes.fitting(f"{spec['group']}/{spec['version']}/{spec['resource']}")
        return [IndexEntry(indexes.CACHED_RESOURCE_GVR, value, unique=True), *indexes.secret_entries(spec)]

    def affects_discovery(self, obj: JSONObject | None, old: JSONObject | None) -> bool:
        """See `Strategy`: identity and phase decide whether consumers are served; counts do not."""
        return _served(obj) != _served(old)


def _qualified(spec: JSONObject) -> str:
    return f"{spec['resource']}.{spec['group']}" if spec.get("group") else str(spec["resource"])


def _refused(obj: JSONObject, problem: str) -> errors.Invalid:
    causes = [field.invalid("spec.resource", _qualified(obj["spec"]), problem)]
    return errors.invalid("cache.kcp.io", "CachedResource", obj["metadata"]["name"], causes)


def _served(obj: JSONObject | None) -> object:
    if obj is None:
        return None
    status = obj.get("status") or {}
    verdicts = [(entry["type"], entry["status"]) for entry in status.get("conditions") or []]
    relevant = [
        verdict
        for verdict in verdicts
        if verdict[0] in ("IdentityValid", "ResourceValid", "ReplicationStarted")
    ]
    return status.get("phase"), status.get("identityHash"), relevant, objects.is_being_deleted(obj)


class CachedResourceEndpointSliceStrategy(Strategy):
    """Found by the CachedResource it belongs to; its reference is immutable by its schema."""

    def validate(self, context: Context, obj: JSONObject) -> list[Cause]:
        """See `Strategy`."""
        return [] if obj["spec"]["cachedResource"]["name"] else [field.required("spec.cachedResource.name")]

    def indexes(self, context: Context, obj: JSONObject) -> Sequence[IndexEntry]:
        """See `Strategy`."""
        value = indexes.fitting(obj["spec"]["cachedResource"]["name"])
        return (IndexEntry(indexes.CACHED_RESOURCE, value),)

    def affects_discovery(self, obj: JSONObject | None, old: JSONObject | None) -> bool:
        """See `Strategy`."""
        return obj is None or old is None


CACHED_RESOURCES = kind.load("cachedresources.cache.kcp.io", CachedResourceStrategy())
CACHED_RESOURCE_ENDPOINT_SLICES = kind.load(
    "cachedresourceendpointslices.cache.kcp.io", CachedResourceEndpointSliceStrategy()
)
