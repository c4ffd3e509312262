"""Request bodies in `application/vnd.kubernetes.protobuf`, decoded to the same dictionaries as JSON.

Some clients send built-in kinds in this form and do not fall back. A body is the magic `k8s\\0` and a
`runtime.Unknown` that names the kind; the field tables are Kubernetes' published `generated.proto` files.
"""

from __future__ import annotations

import base64
import datetime
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import orjson

from kcpcache.apimachinery import errors
from kcpcache.apimachinery.objects import JSONObject
from kcpcache.apiserver import protobufwire

_MAGIC = b"k8s\0"
_MAX_DEPTH = 16


@dataclass(frozen=True, slots=True)
class _Repeated:
    of: _Type


@dataclass(frozen=True, slots=True)
class _Map:
    of: _Type


_Type: TypeAlias = "str | dict[int, tuple[str, _Type]] | _Repeated | _Map"
_Table: TypeAlias = "dict[int, tuple[str, _Type]]"

_STRINGS = _Repeated("string")
_OWNER: _Table = {
    1: ("kind", "string"), 3: ("name", "string"), 4: ("uid", "string"), 5: ("apiVersion", "string"),
    6: ("controller", "bool"), 7: ("blockOwnerDeletion", "bool"),
}  # fmt: skip
_MANAGED_FIELDS: _Table = {
    1: ("manager", "string"), 2: ("operation", "string"), 3: ("apiVersion", "string"), 4: ("time", "time"),
    6: ("fieldsType", "string"), 7: ("fieldsV1", "json"), 8: ("subresource", "string"),
}  # fmt: skip
_META: _Table = {
    1: ("name", "string"), 2: ("generateName", "string"), 3: ("namespace", "string"), 4: ("selfLink", "string"),
    5: ("uid", "string"), 6: ("resourceVersion", "string"), 7: ("generation", "int"),
    8: ("creationTimestamp", "time"), 9: ("deletionTimestamp", "time"), 10: ("deletionGracePeriodSeconds", "int"),
    11: ("labels", _Map("string")), 12: ("annotations", _Map("string")), 13: ("ownerReferences", _Repeated(_OWNER)),
    14: ("finalizers", _STRINGS), 17: ("managedFields", _Repeated(_MANAGED_FIELDS)),
}  # fmt: skip
_REFERENCE: _Table = {
    1: ("kind", "string"), 2: ("namespace", "string"), 3: ("name", "string"), 4: ("uid", "string"),
    5: ("apiVersion", "string"), 6: ("resourceVersion", "string"), 7: ("fieldPath", "string"),
}  # fmt: skip
_SERIES: _Table = {1: ("count", "int"), 2: ("lastObservedTime", "microtime")}
_SOURCE: _Table = {1: ("component", "string"), 2: ("host", "string")}
_EVENT: _Table = {
    1: ("metadata", _META), 2: ("involvedObject", _REFERENCE), 3: ("reason", "string"), 4: ("message", "string"),
    5: ("source", _SOURCE), 6: ("firstTimestamp", "time"), 7: ("lastTimestamp", "time"), 8: ("count", "int"),
    9: ("type", "string"), 10: ("eventTime", "microtime"), 11: ("series", _SERIES), 12: ("action", "string"),
    13: ("related", _REFERENCE), 14: ("reportingComponent", "string"), 15: ("reportingInstance", "string"),
}  # fmt: skip
_EVENTS_V1_EVENT: _Table = {
    1: ("metadata", _META), 2: ("eventTime", "microtime"), 3: ("series", _SERIES),
    4: ("reportingController", "string"), 5: ("reportingInstance", "string"), 6: ("action", "string"),
    7: ("reason", "string"), 8: ("regarding", _REFERENCE), 9: ("related", _REFERENCE), 10: ("note", "string"),
    11: ("type", "string"), 12: ("deprecatedSource", _SOURCE), 13: ("deprecatedFirstTimestamp", "time"),
    14: ("deprecatedLastTimestamp", "time"), 15: ("deprecatedCount", "int"),
}  # fmt: skip
_LEASE_SPEC: _Table = {
    1: ("holderIdentity", "string"), 2: ("leaseDurationSeconds", "int"), 3: ("acquireTime", "microtime"),
    4: ("renewTime", "microtime"), 5: ("leaseTransitions", "int"), 6: ("strategy", "string"),
    7: ("preferredHolder", "string"),
}  # fmt: skip
_RULE: _Table = {
    1: ("verbs", _STRINGS), 2: ("apiGroups", _STRINGS), 3: ("resources", _STRINGS),
    4: ("resourceNames", _STRINGS), 5: ("nonResourceURLs", _STRINGS),
}  # fmt: skip
_ROLE: _Table = {1: ("metadata", _META), 2: ("rules", _Repeated(_RULE))}
_SUBJECT: _Table = {
    1: ("kind", "string"), 2: ("apiGroup", "string"), 3: ("name", "string"), 4: ("namespace", "string"),
}  # fmt: skip
_BINDING: _Table = {
    1: ("metadata", _META),
    2: ("subjects", _Repeated(_SUBJECT)),
    3: ("roleRef", {1: ("apiGroup", "string"), 2: ("kind", "string"), 3: ("name", "string")}),
}
_NAMED: _Table = {1: ("name", "string")}
_EXPRESSION: _Table = {1: ("key", "string"), 2: ("operator", "string"), 3: ("values", _STRINGS)}
_LABEL_SELECTOR: _Table = {
    1: ("matchLabels", _Map("string")),
    2: ("matchExpressions", _Repeated(_EXPRESSION)),
}
_RESOURCE_ATTRIBUTES: _Table = {
    1: ("namespace", "string"), 2: ("verb", "string"), 3: ("group", "string"), 4: ("version", "string"),
    5: ("resource", "string"), 6: ("subresource", "string"), 7: ("name", "string"),
}  # fmt: skip
_ACCESS: _Table = {
    1: ("resourceAttributes", _RESOURCE_ATTRIBUTES),
    2: ("nonResourceAttributes", {1: ("path", "string"), 2: ("verb", "string")}),
}
_SUBJECT_ACCESS: _Table = {
    **_ACCESS, 3: ("user", "string"), 4: ("groups", _STRINGS), 5: ("extra", _Map({1: ("items", _STRINGS)})),
    6: ("uid", "string"),
}  # fmt: skip
_TOKEN: _Table = {1: ("token", "string"), 2: ("audiences", _STRINGS)}
_AUTHENTICATION, _AUTHORIZATION = "authentication.k8s.io/v1", "authorization.k8s.io/v1"
_RBAC = "rbac.authorization.k8s.io/v1"
_KINDS: dict[tuple[str, str], _Table] = {
    ("v1", "Namespace"): {
        1: ("metadata", _META), 2: ("spec", {1: ("finalizers", _STRINGS)}), 3: ("status", {1: ("phase", "string")}),
    },
    ("v1", "ConfigMap"): {
        1: ("metadata", _META), 2: ("data", _Map("string")), 3: ("binaryData", _Map("bytes")), 4: ("immutable", "bool"),
    },
    ("v1", "Secret"): {
        1: ("metadata", _META), 2: ("data", _Map("bytes")), 3: ("type", "string"),
        4: ("stringData", _Map("string")), 5: ("immutable", "bool"),
    },
    ("v1", "ServiceAccount"): {
        1: ("metadata", _META), 2: ("secrets", _Repeated(_REFERENCE)), 3: ("imagePullSecrets", _Repeated(_NAMED)),
        4: ("automountServiceAccountToken", "bool"),
    },
    ("v1", "Event"): _EVENT,
    ("events.k8s.io/v1", "Event"): _EVENTS_V1_EVENT,
    ("coordination.k8s.io/v1", "Lease"): {1: ("metadata", _META), 2: ("spec", _LEASE_SPEC)},
    (_AUTHENTICATION, "SelfSubjectReview"): {1: ("metadata", _META)},
    (_AUTHENTICATION, "TokenReview"): {1: ("metadata", _META), 2: ("spec", _TOKEN)},
    (_AUTHORIZATION, "SelfSubjectAccessReview"): {1: ("metadata", _META), 2: ("spec", _ACCESS)},
    (_AUTHORIZATION, "SelfSubjectRulesReview"): {1: ("metadata", _META), 2: ("spec", {1: ("namespace", "string")})},
    (_AUTHORIZATION, "SubjectAccessReview"): {1: ("metadata", _META), 2: ("spec", _SUBJECT_ACCESS)},
    (_RBAC, "Role"): _ROLE,
    (_RBAC, "ClusterRole"): {
        **_ROLE, 3: ("aggregationRule", {1: ("clusterRoleSelectors", _Repeated(_LABEL_SELECTOR))}),
    },
    (_RBAC, "RoleBinding"): _BINDING,
    (_RBAC, "ClusterRoleBinding"): _BINDING,
}  # fmt: skip
_DELETE_OPTIONS: _Table = {
    1: ("gracePeriodSeconds", "int"), 2: ("preconditions", {1: ("uid", "string"), 2: ("resourceVersion", "string")}),
    3: ("orphanDependents", "bool"), 4: ("propagationPolicy", "string"), 5: ("dryRun", _STRINGS),
}  # fmt: skip


def decode(body: bytes) -> JSONObject:
    """The object of a request body; BadRequest when it is damaged, UnsupportedMediaType for unknown kinds."""
    if not body.startswith(_MAGIC):
        raise errors.BadRequest(
            "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]"
        )
    try:
        envelope = _message(
            body[len(_MAGIC) :],
            {1: ("type", {1: ("apiVersion", "string"), 2: ("kind", "string")}), 2: ("raw", "raw")},
            0,
        )
        api_version = envelope.get("type", {}).get("apiVersion", "")
        kind = envelope.get("type", {}).get("kind", "")
        table = _DELETE_OPTIONS if kind == "DeleteOptions" else _KINDS.get((api_version, kind))
        if table is None:
            raise errors.UnsupportedMediaType(
                f"{kind} of {api_version} is not read in {_MAGIC[:3].decode()} protobuf; send application/json"
            )
        return {"apiVersion": api_version, "kind": kind, **_message(envelope.get("raw", b""), table, 0)}
    except (ValueError, OverflowError) as error:
        raise errors.BadRequest(f"the object provided is not valid protobuf: {error}") from None


def _message(message: bytes, table: _Table, depth: int) -> JSONObject:
    if depth > _MAX_DEPTH:
        raise protobufwire.Malformed("too deep")
    found: JSONObject = {}
    for number, _, value in protobufwire.read(message):
        if number not in table:
            continue
        name, kind = table[number]
        if isinstance(kind, _Repeated):
            found.setdefault(name, []).append(_value(value, kind.of, depth))
        elif isinstance(kind, _Map):
            entry = _message(_as_bytes(value), {1: ("key", "string"), 2: ("value", kind.of)}, depth + 1)
            found.setdefault(name, {})[entry.get("key", "")] = entry.get("value", "")
        else:
            found[name] = _value(value, kind, depth)
    # Clients encode unset strings of non-pointer fields as empty; JSON leaves them out.
    return {name: value for name, value in found.items() if value not in ("", None)}


def _value(value: int | bytes, kind: _Type, depth: int) -> Any:
    if isinstance(kind, dict):
        return _message(_as_bytes(value), kind, depth + 1)
    if not isinstance(kind, str):
        raise protobufwire.Malformed("a list within a list")
    return _SCALARS[kind](value)


def _as_bytes(value: int | bytes) -> bytes:
    if not isinstance(value, bytes):
        raise protobufwire.Malformed("a number where a message belongs")
    return value


def _as_int(value: int | bytes) -> int:
    if not isinstance(value, int):
        raise protobufwire.Malformed("bytes where a number belongs")
    return protobufwire.signed(value)


def _moment(value: int | bytes) -> datetime.datetime | None:
    fields = _message(_as_bytes(value), {1: ("seconds", "int"), 2: ("nanos", "int")}, 0)
    seconds = fields.get("seconds", 0)
    if not seconds or seconds <= -62135596800:  # Go's zero time, which JSON shows as null
        return None
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    return epoch + datetime.timedelta(seconds=seconds, microseconds=fields.get("nanos", 0) // 1000)


def _time(value: int | bytes) -> str | None:
    moment = _moment(value)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None


def _micro_time(value: int | bytes) -> str | None:
    moment = _moment(value)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ") if moment else None


def _json(value: int | bytes) -> Any:
    raw = _message(_as_bytes(value), {1: ("raw", "raw")}, 0).get("raw", b"{}")
    return orjson.loads(raw)


_SCALARS: dict[str, Callable[[int | bytes], Any]] = {
    "string": lambda value: _as_bytes(value).decode(),
    "bytes": lambda value: base64.b64encode(_as_bytes(value)).decode(),
    "raw": _as_bytes,
    "int": _as_int,
    "bool": lambda value: bool(_as_int(value)),
    "time": _time,
    "microtime": _micro_time,
    "json": _json,
}
