"""The controllers of the built-in kinds, and their triggers; importing this registers them."""

from __future__ import annotations

from workspaces.controllers import (
    apibindings,
    apiexportendpointslices,
    apiexports,
    apigroups,
    crds,
    gc,
    namespaces,
    register,
    register_trigger,
    tenancy,
    termination,
    triggers,
)

register("workspace", tenancy.reconcile_workspace)
register("late-writes", termination.reconcile_late_writes)
register("namespace", namespaces.reconcile)
register("crd", crds.reconcile)
register("api-group", apigroups.reconcile)
register("gc", gc.reconcile)
register("apiexport", apiexports.reconcile_export)
register("apiexport-dependents", apiexports.reconcile_dependents)
register("apiexport-references", apiexports.reconcile_references)
register("cachedresource-exports", apiexports.reconcile_cached_resource)
register("apibinding", apibindings.reconcile_binding)
register("apiexportendpointslice", apiexportendpointslices.reconcile)

register_trigger("tenancy.kcp.io", "workspaces", triggers.pass_for("workspace"))
register_trigger("", "namespaces", triggers.end_for("namespace"))
register_trigger("", "secrets", triggers.identities)
register_trigger("apiextensions.k8s.io", "customresourcedefinitions", triggers.end_for("crd"))
register_trigger("apiextensions.k8s.io", "customresourcedefinitions", triggers.crd_names)
register_trigger("apis.kcp.io", "apiexports", triggers.pass_for("apiexport"))
register_trigger("apis.kcp.io", "apiexports", triggers.export_dependents)
register_trigger("apis.kcp.io", "apiexportendpointslices", triggers.pass_for("apiexportendpointslice"))
register_trigger("apis.kcp.io", "apiresourceschemas", triggers.schema_exports)
register_trigger("apis.kcp.io", "apibindings", triggers.pass_for("apibinding"))
register_trigger("apis.kcp.io", "apibindings", triggers.bound_names)
register_trigger("cache.kcp.io", "cachedresources", triggers.cached_resource_exports)
register_trigger("cache.kcp.io", "cachedresourceendpointslices", triggers.slice_exports)
