"""APIResourceSchemas: immutable schemas that APIExports name."""

from __future__ import annotations

from kcpcache.apimachinery import equality, field
from kcpcache.apimachinery.errors import Cause
from kcpcache.apimachinery.objects import JSONObject
from workspaces.kinds import crdnames, crdversions, kind
from workspaces.registry.strategy import Context, Strategy


class APIResourceSchemaStrategy(Strategy):
    """Checks what a CustomResourceDefinition is checked for, and that nothing changes afterwards."""

    def normalize(self, obj: JSONObject) -> None:
        """Default the names, as for a CRD."""
        crdnames.default(obj)

    def validate(self, context: Context, obj: JSONObject) -> list[Cause]:
        """See `Strategy`."""
        spec = obj.get("spec")
        if spec is None:
            return [field.required("spec")]
        name, plural, group = obj["metadata"]["name"], spec["names"]["plural"], spec["group"]
        suffix = f".{plural}.{group or 'core'}"
        causes = []
        if not name.endswith(suffix) or len(name) == len(suffix):
            causes.append(
                field.invalid(
                    "metadata.name", name, "must match ^[a-z]([-a-z0-9]*[a-z0-9])?$ in front of " + suffix
                )
            )
        if group:
            causes += crdnames.validate_group(group, "spec.group")
        causes += crdnames.validate(spec["names"], "spec.names")
        versions = [
            {**version, "schema": {"openAPIV3Schema": version.get("schema")}} for version in spec["versions"]
        ]
        causes += crdversions.validate(versions, "spec.versions")
        if (spec.get("conversion") or {}).get("strategy") == "Webhook":
            causes.append(field.not_supported("spec.conversion.strategy", "Webhook", ["None"]))
        return causes

    def validate_update(self, context: Context, obj: JSONObject, old: JSONObject) -> list[Cause]:
        """See `Strategy`."""
        if equality.is_equal(obj.get("spec"), old["spec"]):
            return []
        return [field.invalid("spec", obj["metadata"]["name"], "field is immutable")]

    def affects_discovery(self, obj: JSONObject | None, old: JSONObject | None) -> bool:
        """See `Strategy`."""
        return obj is None or old is None


API_RESOURCE_SCHEMAS = kind.load("apiresourceschemas.apis.kcp.io", APIResourceSchemaStrategy())
