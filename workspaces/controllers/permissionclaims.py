"""Permission claims of a binding: what the export asks for, and what the consumer granted."""

from __future__ import annotations

from collections.abc import Iterator

from kcpcache.apimachinery.objects import JSONObject

_IDENTITY = ("group", "resource", "identityHash")
_APPLIED = ("group", "resource", "identityHash", "verbs", "selector")


def _key(claim: JSONObject) -> tuple[str, ...]:
    return tuple(claim.get(name) or "" for name in _IDENTITY)


def apply(binding: JSONObject, export: JSONObject, status: JSONObject) -> Iterator[tuple[str, str, str, str]]:
    """Set the claims in a binding's status (in place); yields conditions as (type, status, reason, message).

    A claim is applied where the consumer accepted it and the export (still) makes it, with the verbs that both name.
    """
    asked = (export.get("spec") or {}).get("permissionClaims") or []
    granted = [
        claim for claim in binding["spec"].get("permissionClaims") or [] if claim.get("state") == "Accepted"
    ]
    asked_by_key = {_key(claim): claim for claim in asked}
    applied = [_scoped(claim, asked_by_key[_key(claim)]) for claim in granted if _key(claim) in asked_by_key]
    for name, claims in (("exportPermissionClaims", asked), ("appliedPermissionClaims", applied)):
        if claims:
            status[name] = claims
        else:
            status.pop(name, None)
    unexpected = [claim for claim in granted if _key(claim) not in asked_by_key]
    if unexpected:
        names = ", ".join(f"{claim['resource']}.{claim.get('group') or 'core'}" for claim in unexpected)
        yield (
            "PermissionClaimsValid",
            "False",
            "InvalidPermissionClaims",
            f"the APIExport does not claim {names}",
        )
    else:
        yield "PermissionClaimsValid", "True", "", ""
    yield "PermissionClaimsApplied", "True", "", ""


def _scoped(granted: JSONObject, asked: JSONObject) -> JSONObject:
    claim = {name: granted[name] for name in _APPLIED if name in granted}
    asked_verbs, granted_verbs = asked.get("verbs") or [], granted.get("verbs") or []
    if "*" not in asked_verbs:
        wanted = asked_verbs if "*" in granted_verbs else granted_verbs
        claim["verbs"] = [verb for verb in wanted if verb in asked_verbs]
    return claim
