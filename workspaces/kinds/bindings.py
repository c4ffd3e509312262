"""APIBindings: held by a finalizer until what was stored under them is gone."""

from __future__ import annotations

from collections.abc import Sequence

from kcpcache.apimachinery import field, objects
from kcpcache.apimachinery.errors import Cause
from kcpcache.apimachinery.objects import JSONObject
from workspaces.kinds import finalizers, indexes, kind
from workspaces.registry.strategy import Context, Strategy
from workspaces.store.objects import IndexEntry


class APIBindingStrategy(Strategy):
    """The reference is immutable, and the status decides what a workspace serves."""

    def prepare_for_create(self, context: Context, obj: JSONObject) -> None:
        """See `Strategy`."""
        finalizers.add(obj, finalizers.BINDING)
        obj["status"] = {"phase": "Binding"}

    def prepare_for_update(self, context: Context, obj: JSONObject, old: JSONObject) -> None:
        """See `Strategy`."""
        finalizers.keep(obj, finalizers.BINDING)

    def validate(self, context: Context, obj: JSONObject) -> list[Cause]:
        """See `Strategy`."""
        export = obj["spec"]["reference"].get("export")
        if not export:
            return [field.required("spec.reference.export")]
        return [] if export["name"] else [field.required("spec.reference.export.name")]

    def validate_update(self, context: Context, obj: JSONObject, old: JSONObject) -> list[Cause]:
        """See `Strategy`; the schema's rule compares only what is there on both sides."""
        if obj["spec"]["reference"] == old["spec"]["reference"]:
            return []
        return [
            field.invalid(
                "spec.reference", obj["spec"]["reference"], "APIExport reference must not be changed"
            )
        ]

    def indexes(self, context: Context, obj: JSONObject) -> Sequence[IndexEntry]:
        """See `Strategy`."""
        export = obj["spec"]["reference"]["export"]
        value = indexes.export_value(export.get("path") or context.cluster, export["name"])
        return (IndexEntry(indexes.EXPORT, value),)

    def affects_discovery(self, obj: JSONObject | None, old: JSONObject | None) -> bool:
        """See `Strategy`: what is bound, and what is granted to the provider."""
        return _served(obj) != _served(old)


def _served(obj: JSONObject | None) -> object:
    if obj is None:
        return None
    status = obj.get("status") or {}
    return (
        status.get("phase"),
        status.get("apiExportClusterName"),
        status.get("boundResources"),
        (obj.get("spec") or {}).get("permissionClaims"),
        objects.is_being_deleted(obj),
    )


API_BINDINGS = kind.load("apibindings.apis.kcp.io", APIBindingStrategy())
