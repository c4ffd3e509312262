"""OpenAPI documents as pure functions of the served resources, cached by what they are made of.

Source: Kubernetes, "The Kubernetes API", OpenAPI v2 and v3; kube-openapi `handler3` for the index.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import orjson

from kcpcache.apimachinery.descriptor import Descriptor
from kcpcache.apimachinery.objects import JSONObject
from kcpcache.apimachinery.schema import openapi as published
from kcpcache.apiserver import openapimeta, openapipaths, openapiprotobuf, versioninfo
from kcpcache.apiserver.discovery import Resources, Verbs
from kcpcache.apiserver.openapipaths import Operation, Parameter

Schema = dict[str, Any]
Served = tuple[tuple[Descriptor, tuple[str, ...]], ...]

_INFO = {"title": "Kubernetes", "version": versioninfo.KUBERNETES_VERSION}
_V3_PREFIX, _V2_PREFIX = "#/components/schemas/", "#/definitions/"


def index(resources: Resources, verbs: Verbs, base: str) -> JSONObject:
    """`/openapi/v3`: where each group-version's document is; the URLs carry a hash of its content."""
    paths = {
        path: {"serverRelativeURL": f"{base}/openapi/v3/{path}?hash={digest(served)}"}
        for path, served in sorted(_group_versions(resources, verbs).items())
    }
    return {"paths": paths}


def document_v3(resources: Resources, verbs: Verbs, path: str) -> tuple[bytes, str] | None:
    """The document of ``api/v1`` or ``apis/<group>/<version>`` and its hash; None when nothing is there."""
    served = _group_versions(resources, verbs).get(path)
    if served is None:
        return None
    identity = digest(served)
    return _encoded_v3(identity, _Held(served)), identity


def document_v2(resources: Resources, verbs: Verbs, *, as_protobuf: bool) -> tuple[bytes, str]:
    """The one document of `/openapi/v2` and its hash."""
    served = tuple((d, tuple(verbs(d))) for _, d in sorted(resources.items()))
    identity = digest(served)
    return _encoded_v2(identity, as_protobuf, _Held(served)), identity


def digest(served: Served) -> str:
    """Changes with anything that a document shows: descriptors change their source, or are ours."""
    content = [
        (
            d.group, d.version, d.plural, d.kind, d.list_kind, d.namespaced, d.has_status, d.scale, d.origin, d.source,
            verbs, b"" if d.source or d.origin == "builtin" else orjson.dumps(d.schema),
        )
        for d, verbs in served
    ]  # fmt: skip
    return hashlib.sha256(repr((versioninfo.PROJECT_VERSION, content)).encode()).hexdigest()[:32].upper()


class _Held:
    """Carries the descriptors past the cache's key: the digest is the identity."""

    def __init__(self, served: Served) -> None:
        self.served = served

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Held)

    def __hash__(self) -> int:
        return 0


def _group_versions(resources: Resources, verbs: Verbs) -> dict[str, Served]:
    found: dict[str, list[tuple[Descriptor, tuple[str, ...]]]] = {}
    for _, d in sorted(resources.items()):
        path = f"apis/{d.group}/{d.version}" if d.group else f"api/{d.version}"
        found.setdefault(path, []).append((d, tuple(verbs(d))))
    return {path: tuple(served) for path, served in found.items()}


@lru_cache(maxsize=128)
def _encoded_v3(identity: str, held: _Held) -> bytes:
    schemas = _definitions(held.served, v3=True)
    paths: Schema = {}
    for operation in _operations(held.served):
        item = paths.setdefault(operation.path, {})
        item[operation.method] = _operation_v3(operation)
        item["parameters"] = [_parameter_v3(p) for p in openapipaths.path_parameters(operation.path)]
    document = {"openapi": "3.0.0", "info": _INFO, "paths": paths, "components": {"schemas": schemas}}
    return orjson.dumps(document)


@lru_cache(maxsize=16)
def _encoded_v2(identity: str, as_protobuf: bool, held: _Held) -> bytes:
    paths: Schema = {}
    for operation in _operations(held.served):
        item = paths.setdefault(operation.path, {})
        item[operation.method] = _operation_v2(operation)
        item["parameters"] = [_parameter_v2(p) for p in openapipaths.path_parameters(operation.path)]
    definitions = _definitions(held.served, v3=False)
    document = {"swagger": "2.0", "info": _INFO, "paths": paths, "definitions": definitions}
    return openapiprotobuf.encode(document) if as_protobuf else orjson.dumps(document)


def _operations(served: Served) -> Iterable[Operation]:
    for descriptor, verbs in served:
        yield from openapipaths.operations(descriptor, verbs)


def _definitions(served: Served, *, v3: bool) -> Schema:
    prefix = _V3_PREFIX if v3 else _V2_PREFIX
    found = dict(openapimeta.DEFINITIONS)
    for descriptor, _ in served:
        name = openapipaths.definition_name(descriptor)
        found[name] = _kind_schema(descriptor, v3=v3)
        found[f"{name}List"] = _list_schema(descriptor, name)
    return {name: _with_references(schema, prefix, v3=v3) for name, schema in sorted(found.items())}


def _kind_schema(d: Descriptor, *, v3: bool) -> Schema:
    if d.schema is None:
        schema: Schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    else:
        schema = published.to_openapi_v3(d.schema) if v3 else published.to_openapi_v2(d.schema)
    if v3 or "properties" in schema:  # kubectl takes a v2 kind with properties to have no others
        schema["properties"] = {
            **(schema.get("properties") or {}),
            **openapimeta.TYPE_FIELDS,
            "metadata": {
                "$ref": openapimeta.META + "ObjectMeta",
                "description": openapimeta.METADATA_DESCRIPTION,
            },
        }
    schema["x-kubernetes-group-version-kind"] = [{"group": d.group, "kind": d.kind, "version": d.version}]
    return schema


def _list_schema(d: Descriptor, name: str) -> Schema:
    return {
        "description": f"{d.list_kind} is a list of {d.kind}",
        "type": "object",
        "required": ["items"],
        "properties": {
            **openapimeta.TYPE_FIELDS,
            "items": {"description": f"List of {d.plural}.", "type": "array", "items": {"$ref": name}},
            "metadata": {"$ref": openapimeta.META + "ListMeta", "description": "Standard list metadata."},
        },
        "x-kubernetes-group-version-kind": [{"group": d.group, "kind": d.list_kind, "version": d.version}],
    }


def _with_references(value: Any, prefix: str, *, v3: bool) -> Any:
    """The same schema with references by path; v3 wraps one that has siblings, as Kubernetes does."""
    if isinstance(value, list):
        return [_with_references(item, prefix, v3=v3) for item in value]
    if not isinstance(value, dict):
        return value
    if isinstance(reference := value.get("$ref"), str):
        target = {"$ref": prefix + reference}
        others = {name: child for name, child in value.items() if name != "$ref"}
        return {**others, "allOf": [target]} if v3 and others else {**others, **target}
    return {name: _with_references(child, prefix, v3=v3) for name, child in value.items()}


def _gvk(operation: Operation) -> dict[str, str]:
    group, version, kind = operation.gvk
    return {"group": group, "kind": kind, "version": version}


def _operation_v3(operation: Operation) -> Schema:
    content = {"schema": {"$ref": _V3_PREFIX + operation.result}}
    described: Schema = {
        "description": operation.description,
        "operationId": operation.id,
        "parameters": [_parameter_v3(p) for p in operation.parameters],
        "responses": {
            operation.code: {
                "description": "OK",
                "content": {"application/json": content, "application/yaml": content},
            },
            "401": {"description": "Unauthorized"},
        },
        "x-kubernetes-action": operation.action,
        "x-kubernetes-group-version-kind": _gvk(operation),
    }
    if operation.body:
        body = {"schema": {"$ref": _V3_PREFIX + operation.body}}
        described["requestBody"] = {"content": dict.fromkeys(operation.consumes, body)}
    return described


def _parameter_v3(p: Parameter) -> Schema:
    return {
        "name": p.name, "in": p.place, "description": p.description, "schema": {"type": p.type, "uniqueItems": True},
        **({"required": True} if p.place == "path" else {}),
    }  # fmt: skip


def _operation_v2(operation: Operation) -> Schema:
    parameters = [_parameter_v2(p) for p in operation.parameters]
    if operation.body:
        reference = {"$ref": _V2_PREFIX + operation.body}
        required = operation.method in ("post", "put", "patch")
        parameters.insert(0, {"name": "body", "in": "body", "required": required, "schema": reference})
    return {
        "description": operation.description,
        "operationId": operation.id,
        "consumes": list(operation.consumes),
        "produces": ["application/json", "application/yaml"],
        "schemes": ["https"],
        "parameters": parameters,
        "responses": {
            operation.code: {"description": "OK", "schema": {"$ref": _V2_PREFIX + operation.result}},
            "401": {"description": "Unauthorized"},
        },
        "x-kubernetes-action": operation.action,
        "x-kubernetes-group-version-kind": _gvk(operation),
    }


def _parameter_v2(p: Parameter) -> Schema:
    required = {"required": True} if p.place == "path" else {}
    return {
        "name": p.name,
        "in": p.place,
        "description": p.description,
        "type": p.type,
        "uniqueItems": True,
        **required,
    }
