"""CustomResourceDefinitions: checked as kube-apiserver checks them, and served in the instant they are stored."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from kcpcache.apimachinery import equality, field, objects
from kcpcache.apimachinery.errors import Cause
from kcpcache.apimachinery.objects import JSONObject
from workspaces.admission import resourcenames
from workspaces.kinds import crdnames, crdversions, finalizers, indexes, kind
from workspaces.registry.strategy import Context, Strategy
from workspaces.store.objects import IndexEntry

APPROVAL = "api-approved.kubernetes.io"
_APPROVAL_ADVICE = "see https://github.com/kubernetes/enhancements/pull/1111"


class CRDStrategy(Strategy):
    """Status is computed inside the write, so that a definition is served when its create returns."""

    def normalize(self, obj: JSONObject) -> None:
        """Default the names and the conversion."""
        crdnames.default(obj)
        spec = obj.get("spec")
        if isinstance(spec, dict) and not spec.get("conversion"):
            spec["conversion"] = {"strategy": "None"}

    def prepare_for_create(self, context: Context, obj: JSONObject) -> None:
        """See `Strategy`."""
        finalizers.add(obj, finalizers.CRD)
        obj["status"] = {"conditions": [], "acceptedNames": {"plural": "", "kind": ""}, "storedVersions": []}
        _store_version(obj)

    def prepare_for_update(self, context: Context, obj: JSONObject, old: JSONObject) -> None:
        """See `Strategy`."""
        finalizers.keep(obj, finalizers.CRD)
        if context.subresource != "status":
            _store_version(obj)

    def admit(self, context: Context, obj: JSONObject | None, old: JSONObject | None) -> None:
        """Accept the names that nobody else in the workspace has; the others are left out and told."""
        if obj is None or context.subresource == "status":
            return
        if old is not None and obj["spec"]["names"] == old["spec"]["names"]:
            return
        resourcenames.accept(context.cluster, obj)

    def validate(self, context: Context, obj: JSONObject) -> list[Cause]:
        """See `Strategy`; the spec cannot change through the status."""
        spec = obj["spec"]
        if context.subresource == "status":
            return _stored_version_causes(obj)
        causes = crdnames.validate_group(spec["group"], "spec.group")
        causes += _approval_causes(obj)
        causes += crdnames.validate(spec["names"], "spec.names")
        wanted = f"{spec['names']['plural']}.{spec['group']}"
        if obj["metadata"]["name"] != wanted:
            causes.append(
                field.invalid(
                    "metadata.name", obj["metadata"]["name"], 'must be spec.names.plural+"."+spec.group'
                )
            )
        if spec["scope"] not in ("Cluster", "Namespaced"):
            causes.append(field.not_supported("spec.scope", spec["scope"], ["Cluster", "Namespaced"]))
        if spec.get("preserveUnknownFields"):
            causes.append(
                field.invalid(
                    "spec.preserveUnknownFields",
                    True,
                    "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in "
                    "spec.versions[*].schema instead",
                )
            )
        strategy = spec["conversion"]["strategy"]
        if strategy != "None":
            causes.append(field.not_supported("spec.conversion.strategy", strategy, ["None"]))
        causes += crdversions.validate(spec["versions"], "spec.versions")
        return causes + _stored_version_causes(obj)

    def validate_update(self, context: Context, obj: JSONObject, old: JSONObject) -> list[Cause]:
        """See `Strategy`; the scope and kind of a definition that has been served are fixed."""
        new_spec, old_spec = obj["spec"], old["spec"]
        fixed = [("group", new_spec["group"], old_spec["group"])]
        fixed.append(("names.plural", new_spec["names"]["plural"], old_spec["names"]["plural"]))
        if resourcenames.is_established(old):
            fixed.append(("scope", new_spec["scope"], old_spec["scope"]))
            fixed.append(("names.kind", new_spec["names"]["kind"], old_spec["names"]["kind"]))
        return [
            field.invalid(f"spec.{name}", new, "field is immutable")
            for name, new, before in fixed
            if new != before
        ]

    def indexes(self, context: Context, obj: JSONObject) -> Sequence[IndexEntry]:
        """See `Strategy`."""
        return (IndexEntry(indexes.GROUP, obj["spec"]["group"]),)

    def affects_discovery(self, obj: JSONObject | None, old: JSONObject | None) -> bool:
        """See `Strategy`; labels and annotations do not."""
        if obj is None or old is None:
            return True
        return (
            not equality.is_equal(obj["spec"], old["spec"])
            or obj.get("status") != old.get("status")
            or objects.is_being_deleted(obj) != objects.is_being_deleted(old)
        )


def _store_version(obj: JSONObject) -> None:
    """Remember the storage version among all that objects were ever stored in; nonsense is refused later."""
    versions = (obj.get("spec") or {}).get("versions")
    status = obj.setdefault("status", {})
    stored = status.get("storedVersions") or []
    if not isinstance(versions, list) or not isinstance(stored, list):
        return
    named = [
        version.get("name") for version in versions if isinstance(version, dict) and version.get("storage")
    ]
    status["storedVersions"] = [*stored, *(name for name in named if name and name not in stored)]


def _stored_version_causes(obj: JSONObject) -> list[Cause]:
    known = {version["name"]: version.get("storage") for version in obj["spec"]["versions"]}
    stored = (obj.get("status") or {}).get("storedVersions") or []
    causes = [
        field.invalid(f"status.storedVersions[{index}]", name, "must appear in spec.versions")
        for index, name in enumerate(stored)
        if name not in known
    ]
    missing = [name for name, storage in known.items() if storage and name not in stored]
    return causes + [
        field.invalid("status.storedVersions", stored, f"must have the storage version {name}")
        for name in missing
    ]


def _approval_causes(obj: JSONObject) -> list[Cause]:
    """Kubernetes' own groups need an approval (KEP 1111)."""
    group = obj["spec"]["group"]
    if not any(group == suffix or group.endswith(f".{suffix}") for suffix in ("k8s.io", "kubernetes.io")):
        return []
    path = f"metadata.annotations[{APPROVAL}]"
    approval = objects.annotations(obj).get(APPROVAL) or ""
    if not approval:
        return [
            field.required(
                path, f'protected groups must have approval annotation "{APPROVAL}", {_APPROVAL_ADVICE}'
            )
        ]
    url = urlsplit(approval)
    if approval.startswith("unapproved") or (url.scheme and url.netloc):
        return []
    return [
        field.invalid(
            path,
            approval,
            f'protected groups must have approval annotation "{APPROVAL}" with either a URL or a reason starting '
            f'with "unapproved", {_APPROVAL_ADVICE}',
        )
    ]


CRDS = kind.load("customresourcedefinitions.apiextensions.k8s.io", CRDStrategy())
