"""How a CachedResource is published: through which slices and exports, to whom, and what is wrong on the way."""

from __future__ import annotations

from collections.abc import Iterator

from kcpcache.apimachinery.objects import JSONObject
from replication.insight import problems as remedies
from replication.insight.bindings import Binding
from replication.insight.facts import Facts
from replication.insight.problems import Problem

SLICE_KIND = "CachedResourceEndpointSlice"


def slices(found: Facts, cluster: str, obj: JSONObject) -> list[JSONObject]:
    """The endpoint slices of its workspace that refer to a CachedResource."""
    path, name = found.paths.get(cluster, ""), obj["metadata"]["name"]
    return [
        slice_
        for slice_ in found.slices.get(cluster, [])
        if slice_["spec"]["cachedResource"]["name"] == name
        and slice_["spec"]["cachedResource"].get("path") in (None, "", cluster, path)
    ]


def uses(found: Facts, cluster: str, obj: JSONObject) -> Iterator[tuple[JSONObject, JSONObject]]:
    """Each export of its workspace that names one of its slices, with the entry of `spec.resources`."""
    names = {slice_["metadata"]["name"] for slice_ in slices(found, cluster, obj)}
    for export in found.exports.get(cluster, []):
        for entry in (export.get("spec") or {}).get("resources") or []:
            reference = ((entry.get("storage") or {}).get("virtual") or {}).get("reference") or {}
            if reference.get("kind") == SLICE_KIND and reference.get("name") in names:
                yield export, entry


def problems(found: Facts, cluster: str, obj: JSONObject) -> list[Problem]:
    """What keeps consumers from being served although an export names it, or its resource."""
    wanted = (obj.get("status") or {}).get("identityHash") or ""
    wrong = list(_missing_slices(found, cluster, obj))
    for export, entry in uses(found, cluster, obj):
        stated = entry["storage"]["virtual"].get("identityHash") or ""
        if wanted and stated != wanted:
            message = (
                f"APIExport {export['metadata']['name']} names identityHash {stated[:12] or '(none)'}…"
                f" for {entry['name']}; this CachedResource has {wanted}."
            )
            wrong.append(remedies.of("IdentityHashMismatch", message))
    return wrong


def _missing_slices(found: Facts, cluster: str, obj: JSONObject) -> Iterator[Problem]:
    """Exports of its workspace that publish its resource behind an endpoint slice which is not there."""
    there = {slice_["metadata"]["name"] for slice_ in found.slices.get(cluster, [])}
    resource = (obj["spec"].get("group") or "", obj["spec"]["resource"])
    for export in found.exports.get(cluster, []):
        for entry in (export.get("spec") or {}).get("resources") or []:
            reference = ((entry.get("storage") or {}).get("virtual") or {}).get("reference") or {}
            if (
                reference.get("kind") == SLICE_KIND
                and reference.get("name") not in there
                and (entry.get("group") or "", entry["name"]) == resource
            ):
                message = (
                    f"APIExport {export['metadata']['name']} names CachedResourceEndpointSlice"
                    f" {reference.get('name')} for {entry['name']}, and there is none."
                )
                yield remedies.of("EndpointSliceMissing", message)


def consumers(found: Facts, cluster: str, obj: JSONObject) -> list[Binding]:
    """The bindings through which it is served, one a consumer."""
    wanted = (obj.get("status") or {}).get("identityHash") or ""
    served: dict[str, Binding] = {}
    for export, entry in uses(found, cluster, obj):
        if wanted and entry["storage"]["virtual"].get("identityHash") == wanted:
            for binding in found.bindings.get((cluster, export["metadata"]["name"]), []):
                if binding.is_bound:
                    served.setdefault(binding.cluster, binding)
    return [served[consumer] for consumer in sorted(served)]
