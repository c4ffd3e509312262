"""What is published of a structural schema in /openapi/v3 and /openapi/v2.

Neither knows kinds: the caller adds apiVersion, kind, metadata and x-kubernetes-group-version-kind.
Source: k8s.io/apiextensions-apiserver, pkg/controller/openapi (builder and v2 conversion).
"""

from __future__ import annotations

from typing import Any

from kcpcache.apimachinery.schema import defaulting

Schema = dict[str, Any]

_NESTED = ("allOf", "anyOf", "oneOf")
_NOT_IN_V2 = frozenset({*_NESTED, "not", "nullable", "deprecated"})


def to_openapi_v3(schema: Schema) -> Schema:
    """The schema as OpenAPI v3 shows it: all of it, in a copy of its own."""
    published: Schema = defaulting.copied(schema)
    return published


def to_openapi_v2(schema: Schema) -> Schema:
    """The schema as OpenAPI v2 shows it, without what v2 cannot say.

    kubectl validates against it on the client, so whatever v2 cannot express becomes more permissive:
    a nullable value has no type and may be missing, and one that keeps unknown fields has neither type
    nor fields. A root that keeps unknown fields comes back without a type, too.
    """
    published: Schema = {name: value for name, value in schema.items() if name not in _NOT_IN_V2}
    properties = published.pop("properties", None) or {}
    items = published.pop("items", None)
    additional = published.get("additionalProperties")
    keeps_unknown = schema.get("x-kubernetes-preserve-unknown-fields")
    published = {name: defaulting.copied(value) for name, value in published.items()}
    if schema.get("nullable") or (keeps_unknown and schema.get("type") in ("object", "array")):
        published.pop("type", None)
    elif not keeps_unknown:
        if isinstance(items, dict):
            published["items"] = to_openapi_v2(items)
        if properties:
            published["properties"] = {name: to_openapi_v2(child) for name, child in properties.items()}
            _without_nullable(published, properties)
    if isinstance(additional, dict):
        published["additionalProperties"] = to_openapi_v2(additional)
        if additional.get("nullable"):
            published.pop("required", None)
    return published


def _without_nullable(published: Schema, properties: dict[str, Schema]) -> None:
    """kubectl takes null for missing, so what may be null cannot be required."""
    required = [
        name for name in published.get("required") or () if not properties.get(name, {}).get("nullable")
    ]
    published.pop("required", None)
    if required:
        published["required"] = required
