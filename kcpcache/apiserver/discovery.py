"""Discovery documents as pure functions of the served resources.

Source: Kubernetes, "Kubernetes API Aggregated Discovery" and `metav1.APIResourceList`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from kcpcache.apimachinery import version as versions
from kcpcache.apimachinery.descriptor import Descriptor
from kcpcache.apimachinery.objects import JSONObject

Resources = Mapping[tuple[str, str, str], Descriptor]
Verbs = Callable[[Descriptor], Iterable[str]]

_SUBRESOURCE_VERBS = ("get", "patch", "update")


def api_versions(address: str) -> JSONObject:
    """`/api`: the versions of the core group."""
    return {
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}],
    }


def api_group_list(resources: Resources) -> JSONObject:
    """`/apis`: every group and its versions."""
    groups = [_group(name, found) for name, found in _groups(resources).items() if name]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}


def api_group(resources: Resources, group: str) -> JSONObject | None:
    """`/apis/<group>`; None when nothing is served there."""
    found = _groups(resources).get(group)
    return {"kind": "APIGroup", "apiVersion": "v1", **_group(group, found)} if found else None


def api_resource_list(resources: Resources, group: str, version: str, verbs: Verbs) -> JSONObject | None:
    """`/api/v1` and `/apis/<group>/<version>`; None when nothing is served there."""
    found = [d for d in resources.values() if (d.group, d.version) == (group, version)]
    if not found:
        return None
    entries = [entry for d in sorted(found, key=lambda d: d.plural) for entry in _entries(d, verbs)]
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": f"{group}/{version}" if group else version,
        "resources": entries,
    }


def aggregated(resources: Resources, core: bool, form_version: str, verbs: Verbs) -> JSONObject:
    """`/api` (`core`) or `/apis` as one `APIGroupDiscoveryList`."""
    items = []
    for group, found in _groups(resources).items():
        if bool(group) == core:
            continue
        documents = []
        for version in found:
            of_version = [d for d in resources.values() if (d.group, d.version) == (group, version)]
            entries = [_aggregated_entry(d, verbs) for d in sorted(of_version, key=lambda d: d.plural)]
            documents.append({"version": version, "resources": entries, "freshness": "Current"})
        items.append({"metadata": {"name": group, "creationTimestamp": None}, "versions": documents})
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": f"apidiscovery.k8s.io/{form_version}",
        "metadata": {},
        "items": items,
    }


def _groups(resources: Resources) -> dict[str, list[str]]:
    """Each group's versions, preferred first; built-in groups first, then by name."""
    found: dict[str, set[str]] = {}
    builtin: set[str] = set()
    for descriptor in resources.values():
        found.setdefault(descriptor.group, set()).add(descriptor.version)
        if descriptor.origin == "builtin":
            builtin.add(descriptor.group)
    ordered = sorted(found, key=lambda group: (group not in builtin, group))
    return {group: versions.preferred_first(found[group]) for group in ordered}


def _group(name: str, found: list[str]) -> JSONObject:
    entries = [{"groupVersion": f"{name}/{version}", "version": version} for version in found]
    return {"name": name, "versions": entries, "preferredVersion": entries[0]}


def _entries(d: Descriptor, verbs: Verbs) -> list[JSONObject]:
    entry: JSONObject = {
        "name": d.plural, "singularName": d.singular, "namespaced": d.namespaced, "kind": d.kind,
        "verbs": list(verbs(d)),
    }  # fmt: skip
    if d.short_names:
        entry["shortNames"] = list(d.short_names)
    if d.categories:
        entry["categories"] = list(d.categories)
    entries = [entry]
    for subresource, response_kind in _subresources(d):
        sub: JSONObject = {
            "name": f"{d.plural}/{subresource}",
            "singularName": "",
            "namespaced": d.namespaced,
        }
        if subresource == "scale":
            sub |= {"group": response_kind["group"], "version": response_kind["version"]}
        sub |= {"kind": response_kind["kind"], "verbs": _subresource_verbs(d, verbs)}
        entries.append(sub)
    return entries


def _aggregated_entry(d: Descriptor, verbs: Verbs) -> JSONObject:
    entry: JSONObject = {
        "resource": d.plural,
        "responseKind": _kind(d.group, d.version, d.kind),
        "scope": "Namespaced" if d.namespaced else "Cluster",
        "singularResource": d.singular,
        "verbs": list(verbs(d)),
    }
    if d.short_names:
        entry["shortNames"] = list(d.short_names)
    if d.categories:
        entry["categories"] = list(d.categories)
    subresources: list[JSONObject] = [
        {"subresource": name, "responseKind": kind, "verbs": _subresource_verbs(d, verbs)}
        for name, kind in _subresources(d)
    ]
    if subresources:
        entry["subresources"] = subresources
    return entry


def _subresources(d: Descriptor) -> list[tuple[str, dict[str, Any]]]:
    """Name and response kind of each, in discovery's alphabetical order."""
    found = []
    if d.scale is not None:
        found.append(("scale", _kind("autoscaling", "v1", "Scale")))
    if d.has_status:
        found.append(("status", _kind(d.group, d.version, d.kind)))
    return found


def _subresource_verbs(d: Descriptor, verbs: Verbs) -> list[str]:
    served = set(verbs(d))
    return [verb for verb in _SUBRESOURCE_VERBS if verb in served]


def _kind(group: str, version: str, kind: str) -> dict[str, Any]:
    return {"group": group, "version": version, "kind": kind}
