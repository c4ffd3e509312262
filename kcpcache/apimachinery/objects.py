"""Objects as dictionaries, and as the bytes in which they are stored and served.

A stored body has one layout: ``apiVersion``, ``kind``, ``metadata``, then the rest, and inside
``metadata`` ``annotations`` first. That lets hot paths change the apiVersion, the cluster annotation
or the resourceVersion by splicing, without parsing.
"""

import datetime
import uuid
from typing import Any, TypeAlias

import orjson

JSONObject: TypeAlias = dict[str, Any]

CLUSTER_ANNOTATION = "kcp.io/cluster"
LAST_APPLIED_ANNOTATION = "kubectl.kubernetes.io/last-applied-configuration"

_HEAD = ("apiVersion", "kind", "metadata")


def encode(obj: JSONObject) -> bytes:
    """The stored form of an object: compact JSON in the layout of this module."""
    metadata = obj.get("metadata") or {}
    ordered: JSONObject = {"apiVersion": obj.get("apiVersion", ""), "kind": obj.get("kind", "")}
    if "annotations" in metadata:
        ordered["metadata"] = {"annotations": _cluster_first(metadata["annotations"]), **_without(metadata)}
    else:
        ordered["metadata"] = metadata
    for field, value in obj.items():
        if field not in _HEAD:
            ordered[field] = value
    return orjson.dumps(ordered)


def decode(body: bytes) -> JSONObject:
    """The object of a stored body."""
    obj: JSONObject = orjson.loads(body)
    return obj


def _cluster_first(annotations: JSONObject) -> JSONObject:
    if CLUSTER_ANNOTATION not in annotations:
        return annotations
    rest = {name: value for name, value in annotations.items() if name != CLUSTER_ANNOTATION}
    return {CLUSTER_ANNOTATION: annotations[CLUSTER_ANNOTATION], **rest}


def _without(metadata: JSONObject) -> JSONObject:
    return {name: value for name, value in metadata.items() if name != "annotations"}


def splice_api_version(body: bytes, api_version: str) -> bytes:
    """The same stored body under another apiVersion (CRD conversion strategy `None`)."""
    prefix = b'{"apiVersion":"' + api_version.encode() + b'"'
    if body.startswith(prefix):
        return body
    return prefix + body[body.index(b'"', 15) + 1 :]


def metadata(obj: JSONObject) -> JSONObject:
    """`obj.metadata`, made if it is missing."""
    found: JSONObject = obj.setdefault("metadata", {})
    return found


def labels(obj: JSONObject) -> dict[str, str]:
    """`obj.metadata.labels`, an empty dictionary if there are none (not attached to the object)."""
    return (obj.get("metadata") or {}).get("labels") or {}


def annotations(obj: JSONObject) -> dict[str, str]:
    """`obj.metadata.annotations`, an empty dictionary if there are none (not attached to the object)."""
    return (obj.get("metadata") or {}).get("annotations") or {}


def resource_version(obj: JSONObject) -> str:
    """`obj.metadata.resourceVersion`, the opaque string, empty if unset."""
    return (obj.get("metadata") or {}).get("resourceVersion") or ""


def is_being_deleted(obj: JSONObject) -> bool:
    """Whether a deletionTimestamp is set."""
    return bool((obj.get("metadata") or {}).get("deletionTimestamp"))


def new_uid() -> str:
    """A fresh `metadata.uid`."""
    return str(uuid.uuid4())


def timestamp(at: datetime.datetime | None = None) -> str:
    """`metav1.Time` as JSON: RFC 3339 in UTC with whole seconds."""
    moment = at or datetime.datetime.now(datetime.UTC)
    return moment.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
