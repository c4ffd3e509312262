"""APIExports and their endpoint slices."""

from __future__ import annotations

from collections.abc import Sequence

from kcpcache.apimachinery import field
from kcpcache.apimachinery.errors import Cause
from kcpcache.apimachinery.objects import JSONObject
from workspaces.kinds import indexes, kind
from workspaces.registry.strategy import Context, Strategy
from workspaces.store.objects import IndexEntry


class APIExportStrategy(Strategy):
    """Checks that each resource names a schema of its own name and group."""

    def validate(self, context: Context, obj: JSONObject) -> list[Cause]:
        """See `Strategy`."""
        causes: list[Cause] = []
        for index, resource in enumerate((obj.get("spec") or {}).get("resources") or []):
            path = f"spec.resources[{index}]"
            suffix = f".{resource['name']}.{resource['group'] or 'core'}"
            if not resource["schema"].endswith(suffix):
                causes.append(field.invalid(f"{path}.schema", resource["schema"], f"must end in {suffix}"))
            virtual = (resource.get("storage") or {}).get("virtual")
            if virtual and not virtual["reference"]["name"]:
                causes.append(field.required(f"{path}.storage.virtual.reference.name"))
        return causes

    def indexes(self, context: Context, obj: JSONObject) -> Sequence[IndexEntry]:
        """See `Strategy`."""
        spec = obj.get("spec") or {}
        entries = indexes.secret_entries(spec)
        for resource in spec.get("resources") or []:
            entries.append(IndexEntry(indexes.SCHEMA, indexes.fitting(resource["schema"])))
            if virtual := (resource.get("storage") or {}).get("virtual"):
                entries.append(IndexEntry(indexes.SLICE, indexes.fitting(virtual["reference"]["name"])))
        return entries

    def affects_discovery(self, obj: JSONObject | None, old: JSONObject | None) -> bool:
        """See `Strategy`: what is exported, under which identity, and what is claimed of consumers."""
        return _served(obj) != _served(old)


def _served(obj: JSONObject | None) -> object:
    if obj is None:
        return None
    spec = obj.get("spec") or {}
    return spec.get("resources"), spec.get("permissionClaims"), (obj.get("status") or {}).get("identityHash")


class APIExportEndpointSliceStrategy(Strategy):
    """Found by the export it belongs to; its reference is immutable by its schema."""

    def validate(self, context: Context, obj: JSONObject) -> list[Cause]:
        """See `Strategy`."""
        return [] if obj["spec"]["export"]["name"] else [field.required("spec.export.name")]

    def indexes(self, context: Context, obj: JSONObject) -> Sequence[IndexEntry]:
        """See `Strategy`."""
        export = obj["spec"]["export"]
        value = indexes.export_value(export.get("path") or context.cluster, export["name"])
        return (IndexEntry(indexes.EXPORT, value),)


API_EXPORTS = kind.load("apiexports.apis.kcp.io", APIExportStrategy())
API_EXPORT_ENDPOINT_SLICES = kind.load(
    "apiexportendpointslices.apis.kcp.io", APIExportEndpointSliceStrategy()
)
