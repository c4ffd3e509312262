"""APIExportEndpointSlices: where the virtual workspace of an export is reached."""

from __future__ import annotations

import copy

from kcpcache.apimachinery.conditions import set_condition
from kcpcache.apimachinery.reconcile import CONTINUE, Outcome
from workspaces.controllers import apiexports, status
from workspaces.registry import addresses, client

GROUP, PLURAL = apiexports.GROUP, apiexports.SLICES


def reconcile(cluster: str, name: str) -> Outcome:
    """One pass over a slice: its export, and the one endpoint of this shard."""
    made = client.get(cluster, GROUP, PLURAL, name)
    own = addresses.find(cluster)
    if made is None or own is None:
        return CONTINUE
    reference = made["spec"]["export"]
    provider = addresses.relative(reference.get("path") or "", own)
    export = client.get(provider.cluster, GROUP, apiexports.PLURAL, reference["name"]) if provider else None
    wanted = copy.deepcopy(made.get("status") or {})
    conditions = wanted.setdefault("conditions", [])
    generation = made["metadata"].get("generation")
    if export is None or provider is None:
        where = f"{reference.get('path') or own.path}:{reference['name']}"
        message = f"APIExport {where} not found"
        set_condition(conditions, "APIExportValid", "False", "APIExportNotFound", message, generation)
        wanted["endpoints"] = []
    else:
        set_condition(conditions, "APIExportValid", "True", "", "", generation)
        wanted["endpoints"] = [{"url": apiexports.url_of(provider.path, reference["name"])}]
    set_condition(conditions, "PartitionValid", "True", "", "", generation)
    set_condition(
        conditions, "EndpointURLsReady", "True" if wanted["endpoints"] else "False", "", "", generation
    )
    status.write(cluster, GROUP, PLURAL, made, wanted)
    return CONTINUE
