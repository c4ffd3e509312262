"""Permission claims in a binding's status: what the export asks for, and what of it the provider has."""

from __future__ import annotations

from collections.abc import Iterator

from kcpcache.apimachinery.objects import JSONObject
from workspaces.registry import claims
from workspaces.registry.catalogue import Resources


def apply(
    binding: JSONObject, export: JSONObject, status: JSONObject, served: Resources
) -> Iterator[tuple[str, str, str, str]]:
    """Set the claims in a binding's status (in place); yields conditions as (type, status, reason, message).

    Args:
        served: what the consumer's workspace serves. A claim is applied where both sides agree on it and what it
            names is there: then the APIExport virtual workspace serves it.
    """
    agreed = claims.agreed(binding, export)
    problems = [claims.problem_of(claim, served) for claim in agreed]
    applied = [claim.stated for claim, problem in zip(agreed, problems, strict=True) if not problem]
    for name, stated in (
        ("exportPermissionClaims", claims.asked(export)),
        ("appliedPermissionClaims", applied),
    ):
        if stated:
            status[name] = stated
        else:
            status.pop(name, None)
    unexpected = claims.unasked(binding, export)
    if unexpected:
        names = ", ".join(claims.qualified(claim) for claim in unexpected)
        yield (
            "PermissionClaimsValid",
            "False",
            "InvalidPermissionClaims",
            f"the APIExport does not claim {names}",
        )
    else:
        yield "PermissionClaimsValid", "True", "", ""
    if any(problems):
        message = "; ".join(problem for problem in problems if problem)
        yield "PermissionClaimsApplied", "False", "PermissionClaimsNotServed", message
    else:
        yield "PermissionClaimsApplied", "True", "", ""
