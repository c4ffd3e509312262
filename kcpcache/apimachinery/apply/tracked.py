"""Which part of an object has managed fields: all but what the system writes and other endpoints own."""

from __future__ import annotations

from kcpcache.apimachinery.apply.fieldset import MEMBER, FieldSet
from kcpcache.apimachinery.objects import JSONObject

# From k8s.io/apimachinery/pkg/util/managedfields/internal/stripmeta.go.
UNMANAGED_METADATA = frozenset(
    (
        "name",
        "namespace",
        "creationTimestamp",
        "selfLink",
        "uid",
        "clusterName",
        "generation",
        "managedFields",
        "resourceVersion",
    )
)
_HEAD = frozenset(("apiVersion", "kind", "metadata"))


def of(obj: JSONObject, subresource: str, has_status: bool) -> JSONObject:
    """The tracked part of an object at an endpoint.

    Args:
        obj: the object; it is not changed.
        subresource: the endpoint, empty for the main one; ``status`` owns nothing but the status.
        has_status: whether the kind has a status subresource, whose field the main endpoint cannot write.
    """
    if subresource == "status":
        return {"status": obj["status"]} if "status" in obj else {}
    body = {name: value for name, value in obj.items() if name not in _HEAD}
    if has_status and not subresource:
        body.pop("status", None)
    metadata = obj.get("metadata") or {}
    managed = {name: value for name, value in metadata.items() if name not in UNMANAGED_METADATA}
    if managed:
        body["metadata"] = managed
    return body


def put_back(obj: JSONObject, body: JSONObject, subresource: str, has_status: bool) -> JSONObject:
    """`obj` with its tracked part replaced by `body`."""
    if subresource == "status":
        rest = {name: value for name, value in obj.items() if name != "status"}
        return {**rest, **body}
    metadata = obj.get("metadata") or {}
    kept = {name: value for name, value in metadata.items() if name in UNMANAGED_METADATA}
    result: JSONObject = {name: obj[name] for name in ("apiVersion", "kind") if name in obj}
    result["metadata"] = {**kept, **(body.get("metadata") or {})}
    result.update((name, value) for name, value in body.items() if name != "metadata")
    if has_status and not subresource and "status" in obj:
        result["status"] = obj["status"]
    return result


def without_metadata_itself(fields: FieldSet) -> FieldSet:
    """The set without the path `metadata`: nobody owns that as such."""
    node = fields.get("f:metadata")
    if node is None or (node and MEMBER not in node):
        return fields
    below = {element: child for element, child in node.items() if element != MEMBER}
    rest = {element: child for element, child in fields.items() if element != "f:metadata"}
    return {**rest, "f:metadata": below} if below else rest
