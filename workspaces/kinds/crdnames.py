"""Names of a resource, as CustomResourceDefinitions and APIResourceSchemas state them."""

from __future__ import annotations

from kcpcache.apimachinery import field, names
from kcpcache.apimachinery.errors import Cause
from kcpcache.apimachinery.objects import JSONObject
from workspaces.kinds import systemgroups


def default(obj: JSONObject) -> None:
    """Fill in `names.singular` and `names.listKind` (in place), where the shape allows it."""
    spec = obj.get("spec")
    stated = spec.get("names") if isinstance(spec, dict) else None
    if not isinstance(stated, dict) or not isinstance(stated.get("kind"), str) or not stated["kind"]:
        return
    if not stated.get("singular"):
        stated["singular"] = stated["kind"].lower()
    if not stated.get("listKind"):
        stated["listKind"] = f"{stated['kind']}List"


def validate(stated: JSONObject, path: str) -> list[Cause]:
    """Causes for `spec.names` (k8s.io/apiextensions-apiserver, `ValidateCustomResourceDefinitionNames`)."""
    causes = []
    for part in ("plural", "singular"):
        causes += _label(f"{path}.{part}", stated.get(part) or "")
    for part in ("kind", "listKind"):
        value = stated.get(part) or ""
        if not value:
            causes.append(field.required(f"{path}.{part}"))
        elif problems := names.dns1035_label(value.lower()):
            causes.append(
                field.invalid(
                    f"{path}.{part}",
                    value,
                    f"may have mixed case, but should otherwise match: {', '.join(problems)}",
                )
            )
    if stated.get("kind") and stated.get("kind") == stated.get("listKind"):
        causes.append(
            field.invalid(f"{path}.listKind", stated["listKind"], "kind and listKind may not be the same")
        )
    for part in ("shortNames", "categories"):
        for index, value in enumerate(stated.get(part) or []):
            causes += _label(f"{path}.{part}[{index}]", value)
    return causes


def _label(path: str, value: str) -> list[Cause]:
    if not value:
        return [field.required(path)]
    return [field.invalid(path, value, problem) for problem in names.dns1035_label(value)]


def validate_group(group: str, path: str) -> list[Cause]:
    """Causes for an API group that somebody wants to define."""
    causes = [field.invalid(path, group, problem) for problem in names.dns1123_subdomain(group)]
    if not causes and "." not in group:
        causes.append(field.invalid(path, group, "should be a domain with at least one dot"))
    if systemgroups.is_system(group):
        causes.append(field.invalid(path, group, "is served by the system itself"))
    return causes
