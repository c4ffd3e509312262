"""From a source object's stored bytes to the bytes that lie in the replica, and from there to a consumer.

A replica body is the JSON of the object with one raw NUL byte where the consumer's logical cluster goes, the
value of the annotation ``kcp.io/cluster``. JSON never holds a raw NUL (text has it escaped), so the place can
be found, and a list of many bodies be completed, without parsing anything.
"""

from __future__ import annotations

import hashlib

import orjson

from kcpcache.apimachinery.objects import CLUSTER_ANNOTATION, LAST_APPLIED_ANNOTATION, JSONObject

SPLICE = b"\0"

# The annotation is the first of the annotations and they are the first of the metadata, so the first
# occurrence is ours, whatever text the object holds.
_ESCAPED = orjson.dumps({CLUSTER_ANNOTATION: "\0"})[1:-1]
_SPLICED = _ESCAPED.replace(b"\\u0000", SPLICE)


def to_replica(source_body: bytes, api_version: str, revision: int | None = None) -> bytes:
    """The replica body of a stored source object.

    `api_version` is that of the CachedResource. `revision` replaces the resourceVersion, for an object that
    enters or leaves the replica for another reason than its own change.
    """
    obj: JSONObject = orjson.loads(source_body)
    obj["apiVersion"] = api_version
    metadata: JSONObject = obj["metadata"]
    metadata.pop("managedFields", None)
    annotations: JSONObject = metadata.pop("annotations", None) or {}
    annotations.pop(LAST_APPLIED_ANNOTATION, None)
    annotations.pop(CLUSTER_ANNOTATION, None)
    if revision is not None:
        metadata["resourceVersion"] = str(revision)
    obj["metadata"] = {"annotations": {CLUSTER_ANNOTATION: "\0", **annotations}, **metadata}
    return orjson.dumps(obj).replace(_ESCAPED, _SPLICED, 1)


def splice(body: bytes, cluster: bytes) -> bytes:
    """A body, or many of them joined, as the consumer in a logical cluster reads them."""
    return body.replace(SPLICE, cluster)


def with_revision(body: bytes, revision: int) -> bytes:
    """A replica body with another resourceVersion."""
    obj = decode(body)
    obj["metadata"]["resourceVersion"] = str(revision)
    obj["metadata"]["annotations"][CLUSTER_ANNOTATION] = "\0"
    return orjson.dumps(obj).replace(_ESCAPED, _SPLICED, 1)


def decode(body: bytes) -> JSONObject:
    """The object of a replica body, its cluster annotation empty."""
    obj: JSONObject = orjson.loads(body.replace(SPLICE, b""))
    return obj


def digest(name: str, body: bytes) -> int:
    """One object's share of a replica's checksum, which is the sum of them modulo 2**48."""
    return int(hashlib.sha1(name.encode() + body, usedforsecurity=False).hexdigest()[:12], 16)
