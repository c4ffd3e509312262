"""Reviews of oneself: who am I, may I do this. Virtual resources that are created and never stored.

They serve `kubectl auth whoami` and `kubectl auth can-i`. Source: `authentication.k8s.io/v1` and
`authorization.k8s.io/v1`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kcpcache.apimachinery import errors, objects
from kcpcache.apimachinery.descriptor import Descriptor
from kcpcache.apimachinery.objects import JSONObject
from kcpcache.apiserver import authorization
from kcpcache.apiserver.exchange import User
from kcpcache.apiserver.requestinfo import RequestInfo

ORIGIN = "review"


def _descriptor(group: str, plural: str, kind: str) -> Descriptor:
    return Descriptor(
        group=group, version="v1", plural=plural, singular=kind.lower(), kind=kind, list_kind=f"{kind}List",
        namespaced=False, storage_version="v1", versions=("v1",), verbs=("create",), origin="builtin",
        extra={"origin": ORIGIN},
    )  # fmt: skip


_WHO_AM_I = _descriptor("authentication.k8s.io", "selfsubjectreviews", "SelfSubjectReview")
_CAN_I = _descriptor("authorization.k8s.io", "selfsubjectaccessreviews", "SelfSubjectAccessReview")
DESCRIPTORS: Mapping[tuple[str, str, str], Descriptor] = {
    (each.group, each.version, each.plural): each for each in (_WHO_AM_I, _CAN_I)
}


def is_review(descriptor: Descriptor) -> bool:
    """Whether a resource is answered here."""
    return descriptor.extra.get("origin") == ORIGIN


def create(descriptor: Descriptor, user: User, obj: JSONObject) -> JSONObject:
    """The review with its status; BadRequest, Invalid."""
    return _ANSWERS[descriptor.kind](user, obj)


def _who_am_i(user: User, obj: JSONObject) -> JSONObject:
    info: dict[str, Any] = {"username": user.name, "groups": list(user.groups)}
    if user.uid:
        info["uid"] = user.uid
    if user.extra:
        info["extra"] = {name: list(values) for name, values in user.extra.items()}
    metadata = {"creationTimestamp": objects.timestamp()}
    return {
        "kind": "SelfSubjectReview",
        "apiVersion": _WHO_AM_I.api_version,
        "metadata": metadata,
        "status": {"userInfo": info},
    }


def _can_i(user: User, obj: JSONObject) -> JSONObject:
    spec = obj.get("spec")
    asked = spec if isinstance(spec, dict) else {}
    resource, path = asked.get("resourceAttributes"), asked.get("nonResourceAttributes")
    if isinstance(resource, dict) == isinstance(path, dict):
        causes = [
            errors.Cause("spec.resourceAttributes", "FieldValueInvalid",
                         "exactly one of nonResourceAttributes or resourceAttributes must be specified")
        ]  # fmt: skip
        raise errors.invalid("authorization.k8s.io", "SelfSubjectAccessReview", "", causes)
    allowed = authorization.allows(user, _info(resource, path))
    status: dict[str, Any] = {"allowed": allowed}
    if allowed:
        status["reason"] = f"{authorization.MASTERS} may do everything"
    return {
        "kind": "SelfSubjectAccessReview", "apiVersion": _CAN_I.api_version, "metadata": {"creationTimestamp": None},
        "spec": asked, "status": status,
    }  # fmt: skip


def _info(resource: Any, path: Any) -> RequestInfo:
    asked: Mapping[str, Any] = resource if isinstance(resource, dict) else path
    texts = {name: value if isinstance(value, str) else "" for name, value in asked.items()}
    if not isinstance(resource, dict):
        return RequestInfo(rest=texts.get("path", ""), verb=texts.get("verb", ""))
    return RequestInfo(
        is_resource=True, verb=texts.get("verb", ""), group=texts.get("group", ""),
        version=texts.get("version", ""), resource=texts.get("resource", ""), name=texts.get("name", ""),
        subresource=texts.get("subresource", ""), namespace=texts.get("namespace", ""),
    )  # fmt: skip


_ANSWERS: Mapping[str, Callable[[User, JSONObject], JSONObject]] = {
    "SelfSubjectReview": _who_am_i,
    "SelfSubjectAccessReview": _can_i,
}
