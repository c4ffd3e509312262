"""Permission claims: what an APIExport asks of its consumers' workspaces beside its own resources, and what it gets.

A claim counts where the export (still) makes it and the binding accepts it, for the verbs that both name and the
objects that the binding selects. Everything here is read from their specs, so that a claim that is withdrawn is
withdrawn at once, whatever a status still says.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import orjson

from kcpcache.apimachinery import errors, labels
from kcpcache.apimachinery.descriptor import Descriptor
from kcpcache.apimachinery.objects import JSONObject
from workspaces.registry import catalogue
from workspaces.registry.catalogue import Resources

VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
_READING = ("get", "list", "watch")
# Whoever writes bindings could accept claims in the consumer's name.
_READ_ONLY = {("apis.kcp.io", "apibindings")}
_IDENTITY = ("group", "resource", "identityHash")
_GRANTED = (*_IDENTITY, "verbs", "selector")


@dataclass(frozen=True, slots=True)
class Claim:
    """One claim on which both sides agree; `stated` is how a binding's status says it.

    `selector` is None where it selects nothing; `problem` says why.
    """

    stated: JSONObject
    verbs: tuple[str, ...]
    selector: labels.Selector | None
    problem: str

    @property
    def qualified(self) -> str:
        """``resource.group``, as messages name it."""
        return qualified(self.stated)


def qualified(claim: JSONObject) -> str:
    """``resource.group``; the core group is called ``core``."""
    return f"{claim['resource']}.{claim.get('group') or 'core'}"


def asked(export: JSONObject) -> list[JSONObject]:
    """The claims that an export makes."""
    return list((export.get("spec") or {}).get("permissionClaims") or [])


def accepted(binding: JSONObject) -> list[JSONObject]:
    """The claims that a binding accepts, whoever makes them."""
    granted = binding["spec"].get("permissionClaims") or []
    return [claim for claim in granted if claim.get("state") == "Accepted"]


def unasked(binding: JSONObject, export: JSONObject) -> list[JSONObject]:
    """The claims that a binding accepts and the export does not make."""
    wanted = {_key(claim) for claim in asked(export)}
    return [claim for claim in accepted(binding) if _key(claim) not in wanted]


def agreed(binding: JSONObject, export: JSONObject) -> list[Claim]:
    """The claims that count."""
    wanted = {_key(claim): claim for claim in asked(export)}
    return [
        _claim(granted, wanted[_key(granted)]) for granted in accepted(binding) if _key(granted) in wanted
    ]


def descriptors_of(claim: Claim, served: Resources) -> list[Descriptor]:
    """What a workspace serves under the claimed name, if it is what the claim means; one a version.

    Without an identity that is a built-in resource, never one of the same name that the consumer made; with one it
    is the resource that is bound from the export of that identity.
    """
    group, resource, identity_hash = _key(claim.stated)
    return [
        descriptor
        for descriptor in served.values()
        if (descriptor.group, descriptor.plural) == (group, resource) and _is_meant(descriptor, identity_hash)
    ]


def problem_of(claim: Claim, served: Resources) -> str:
    """Why a claim gives nothing in a workspace; empty when it gives something."""
    if claim.problem:
        return claim.problem
    return "" if descriptors_of(claim, served) else f"{claim.qualified} is not served in this workspace"


def claimed(
    descriptor: Descriptor, verbs: Sequence[str], terms: Mapping[str, object], **extra: object
) -> Descriptor:
    """A descriptor as the provider sees it: with the claimed verbs (at least one), and with another identity.

    The identity is a digest of the `terms` besides the resource's own, so that a watch ends when they change.
    """
    assert verbs, "a descriptor without verbs has all that its storage has"
    digest = hashlib.sha256(orjson.dumps([descriptor.identity, terms], option=orjson.OPT_SORT_KEYS))
    return dataclasses.replace(
        descriptor,
        verbs=tuple(verbs),
        identity=f"claim:{digest.hexdigest()}",
        extra={"claimed": descriptor, **extra},
    )


def _key(claim: JSONObject) -> tuple[str, str, str]:
    group, resource, identity_hash = (claim.get(name) or "" for name in _IDENTITY)
    return group, resource, identity_hash


def _claim(granted: JSONObject, wanted: JSONObject) -> Claim:
    stated = {name: granted[name] for name in _GRANTED if name in granted}
    stated["verbs"] = _common(granted.get("verbs") or [], wanted.get("verbs") or [])
    allowed = _READING if (granted.get("group") or "", granted["resource"]) in _READ_ONLY else VERBS
    verbs = allowed if "*" in stated["verbs"] else tuple(verb for verb in allowed if verb in stated["verbs"])
    selector, problem = _selector(granted.get("selector") or {})
    if not verbs:
        problem = f"export and binding have no possible verb in common for {qualified(granted)}"
    elif problem:
        problem = f"the selector for {qualified(granted)} {problem}"
    return Claim(stated, verbs, selector, problem)


def _common(granted: list[str], wanted: list[str]) -> list[str]:
    if "*" in wanted:
        return granted
    return [verb for verb in (wanted if "*" in granted else granted) if verb in wanted]


def _selector(stated: JSONObject) -> tuple[labels.Selector | None, str]:
    """The objects that are meant, None for none, and why. Labels narrow `matchAll`."""
    terms = {name: stated[name] for name in ("matchLabels", "matchExpressions") if stated.get(name)}
    if not terms:
        return (labels.EVERYTHING, "") if stated.get("matchAll") else (None, "selects nothing")
    try:
        return labels.from_label_selector(terms), ""
    except errors.Invalid as invalid:
        return None, f"is invalid: {invalid.message}"


def _is_meant(descriptor: Descriptor, identity_hash: str) -> bool:
    if not identity_hash:
        return descriptor.origin == "builtin"
    if descriptor.origin != "binding" or descriptor.provider is None:
        return False
    return descriptor.identity == catalogue.storage_identity(descriptor.provider.cluster, identity_hash)
