"""The definitions that every OpenAPI document shares: `meta.k8s.io/v1` as kubectl explain shows it.

Written in OpenAPI v2's words, which are valid in v3 as well; references are bare definition names and are
turned into `$ref` by whoever publishes them.
"""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

META = "io.k8s.apimachinery.pkg.apis.meta.v1."
SCALE = "io.k8s.api.autoscaling.v1.Scale"

_CONVENTIONS = "https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md"
API_VERSION_DESCRIPTION = (
    "APIVersion defines the versioned schema of this representation of an object. Servers should convert "
    "recognized schemas to the latest internal value, and may reject unrecognized values. More info: "
    f"{_CONVENTIONS}#resources"
)
KIND_DESCRIPTION = (
    "Kind is a string value representing the REST resource this object represents. Servers may infer this from "
    "the endpoint the client submits requests to. Cannot be updated. In CamelCase. More info: "
    f"{_CONVENTIONS}#types-kinds"
)
METADATA_DESCRIPTION = f"Standard object's metadata. More info: {_CONVENTIONS}#metadata"


def _text(description: str, **more: Any) -> Schema:
    return {"description": description, "type": "string", **more}


def _number(description: str, bits: int = 64) -> Schema:
    return {"description": description, "type": "integer", "format": f"int{bits}"}


def _flag(description: str) -> Schema:
    return {"description": description, "type": "boolean"}


def _time(description: str) -> Schema:
    return _text(description, format="date-time")


def _strings(description: str, **more: Any) -> Schema:
    return {"description": description, "type": "array", "items": {"type": "string"}, **more}


def _string_map(description: str) -> Schema:
    return {"description": description, "type": "object", "additionalProperties": {"type": "string"}}


def _object(description: str, properties: Schema, *required: str, **more: Any) -> Schema:
    schema: Schema = {"description": description, "type": "object", "properties": properties, **more}
    if required:
        schema["required"] = list(required)
    return schema


def _reference(name: str, description: str = "") -> Schema:
    return {"$ref": META + name, **({"description": description} if description else {})}


def _list_of(name: str, description: str, **more: Any) -> Schema:
    return {"description": description, "type": "array", "items": _reference(name), **more}


TYPE_FIELDS: Schema = {"apiVersion": _text(API_VERSION_DESCRIPTION), "kind": _text(KIND_DESCRIPTION)}

_OBJECT_META = _object(
    "ObjectMeta is metadata that all persisted resources must have, which includes all objects users must create.",
    {
        "annotations": _string_map(
            "Annotations is an unstructured key value map stored with a resource that may be set by external tools "
            "to store and retrieve arbitrary metadata. They are not queryable and should be preserved when "
            "modifying objects."
        ),
        "creationTimestamp": _time("When the object was created. Populated by the system. Read-only."),
        "deletionGracePeriodSeconds": _number(
            "Number of seconds allowed for this object to gracefully terminate. Only set when deletionTimestamp "
            "is also set. Read-only."
        ),
        "deletionTimestamp": _time(
            "When deletion was requested; the object is gone once its finalizers list is empty. Populated by the "
            "system when a graceful deletion is requested. Read-only."
        ),
        "finalizers": _strings(
            "Must be empty before the object is deleted from the registry. Each entry is an identifier for the "
            "responsible component that will remove the entry from the list.",
            **{"x-kubernetes-list-type": "set", "x-kubernetes-patch-strategy": "merge"},
        ),
        "generateName": _text(
            "GenerateName is an optional prefix, used by the server, to generate a unique name only if the name "
            "field has not been provided."
        ),
        "generation": _number("A sequence number representing a specific generation of the desired state. Read-only."),
        "labels": _string_map(
            "Map of string keys and values that can be used to organize and categorize (scope and select) objects."
        ),
        "managedFields": _list_of(
            "ManagedFieldsEntry",
            "ManagedFields maps workflow-id and version to the set of fields that are managed by that workflow.",
            **{"x-kubernetes-list-type": "atomic"},
        ),
        "name": _text(
            "Name must be unique within a namespace. Is required when creating resources, although some resources "
            "may allow a client to request the generation of an appropriate name automatically. Cannot be updated."
        ),
        "namespace": _text(
            'Namespace defines the space within which each name must be unique. An empty namespace is equivalent to '
            'the "default" namespace. Cannot be updated.'
        ),
        "ownerReferences": _list_of(
            "OwnerReference",
            "List of objects depended by this object. If all objects in the list have been deleted, this object "
            "will be garbage collected.",
            **{
                "x-kubernetes-list-map-keys": ["uid"], "x-kubernetes-list-type": "map",
                "x-kubernetes-patch-merge-key": "uid", "x-kubernetes-patch-strategy": "merge",
            },
        ),
        "resourceVersion": _text(
            "An opaque value that represents the internal version of this object that can be used by clients to "
            "determine when objects have changed. Populated by the system. Read-only."
        ),
        "selfLink": _text("Deprecated: selfLink is a legacy read-only field that is no longer populated."),
        "uid": _text("UID is the unique in time and space value for this object. Populated by the system. Read-only."),
    },
)  # fmt: skip

_STATUS_DETAILS = _object(
    "StatusDetails is a set of additional properties that MAY be set by the server.",
    {
        "causes": _list_of("StatusCause", "More details associated with the StatusReason failure."),
        "group": _text("The group attribute of the resource associated with the status StatusReason."),
        "kind": _text("The kind attribute of the resource associated with the status StatusReason."),
        "name": _text("The name attribute of the resource associated with the status StatusReason."),
        "retryAfterSeconds": _number("The time in seconds before the operation should be retried.", 32),
        "uid": _text("UID of the resource."),
    },
)

_DELETE_OPTIONS = _object(
    "DeleteOptions may be provided when deleting an API object.",
    {
        **TYPE_FIELDS,
        "dryRun": _strings(
            "When present, indicates that modifications should not be persisted. Valid values are: All"
        ),
        "gracePeriodSeconds": _number("The duration in seconds before the object should be deleted."),
        "orphanDependents": _flag("Deprecated: please use the PropagationPolicy."),
        "preconditions": _reference("Preconditions", "Must be fulfilled before a deletion is carried out."),
        "propagationPolicy": _text(
            "Whether and how garbage collection will be performed: Orphan, Background or Foreground."
        ),
    },
)

_OWNER_REFERENCE = _object(
    "OwnerReference contains enough information to let you identify an owning object. An owning object must be in "
    "the same namespace as the dependent, or be cluster-scoped, so there is no namespace field.",
    {
        "apiVersion": _text("API version of the referent."),
        "blockOwnerDeletion": _flag(
            'If true, AND if the owner has the "foregroundDeletion" finalizer, then the owner cannot be deleted '
            "until this reference is removed."
        ),
        "controller": _flag("If true, this reference points to the managing controller."),
        "kind": _text("Kind of the referent."),
        "name": _text("Name of the referent."),
        "uid": _text("UID of the referent."),
    },
    "apiVersion",
    "kind",
    "name",
    "uid",
    **{"x-kubernetes-map-type": "atomic"},
)

_MANAGED_FIELDS_ENTRY = _object(
    "ManagedFieldsEntry is a workflow-id, a FieldSet and the group version of the resource that it applies to.",
    {
        "apiVersion": _text("The version of this resource that this field set applies to."),
        "fieldsType": _text('The discriminator for the different fields format and version: "FieldsV1".'),
        "fieldsV1": _reference(
            "FieldsV1", "The first JSON version format, as described in the FieldsV1 type."
        ),
        "manager": _text("An identifier of the workflow managing these fields."),
        "operation": _text("The operation which led to this entry: 'Apply' or 'Update'."),
        "subresource": _text("The name of the subresource used to update that object, or empty."),
        "time": _time("When the field set was last changed by the manager."),
    },
)

_LIST_META = _object(
    "ListMeta describes metadata that synthetic resources must have, including lists and various status objects.",
    {
        "continue": _text("Set if the user set a limit and the server has more data available."),
        "remainingItemCount": _number(
            "The number of subsequent items in the list which are not in this response."
        ),
        "resourceVersion": _text("Identifies the server's internal version of this list. Read-only."),
        "selfLink": _text("Deprecated: selfLink is a legacy read-only field that is no longer populated."),
    },
)

_STATUS = _object(
    "Status is a return value for calls that don't return other objects.",
    {
        **TYPE_FIELDS,
        "code": _number("Suggested HTTP return code for this status, 0 if not set.", 32),
        "details": _reference("StatusDetails", "Extended data associated with the reason."),
        "message": _text("A human-readable description of the status of this operation."),
        "metadata": _reference("ListMeta", "Standard list metadata."),
        "reason": _text('A machine-readable description of why this operation is in the "Failure" status.'),
        "status": _text('Status of the operation. One of: "Success" or "Failure".'),
    },
    **{"x-kubernetes-group-version-kind": [{"group": "", "kind": "Status", "version": "v1"}]},
)

_SCALE = _object(
    "Scale represents a scaling request for a resource.",
    {
        **TYPE_FIELDS,
        "metadata": _reference("ObjectMeta", METADATA_DESCRIPTION),
        "spec": _object(
            "ScaleSpec describes the attributes of a scale subresource.",
            {"replicas": _number("The desired number of instances for the scaled object.", 32)},
        ),
        "status": _object(
            "ScaleStatus represents the current status of a scale subresource.",
            {
                "replicas": _number("The actual number of observed instances of the scaled object.", 32),
                "selector": _text("The label query over pods that should match the replicas count."),
            },
            "replicas",
        ),
    },
    **{"x-kubernetes-group-version-kind": [{"group": "autoscaling", "kind": "Scale", "version": "v1"}]},
)

DEFINITIONS: dict[str, Schema] = {
    META + "ObjectMeta": _OBJECT_META,
    META + "OwnerReference": _OWNER_REFERENCE,
    META + "ManagedFieldsEntry": _MANAGED_FIELDS_ENTRY,
    META + "FieldsV1": {
        "description": "FieldsV1 stores a set of fields in a data structure like a Trie, in JSON format.",
        "type": "object",
    },
    META + "ListMeta": _LIST_META,
    META + "Status": _STATUS,
    META + "StatusDetails": _STATUS_DETAILS,
    META + "StatusCause": _object(
        "StatusCause provides more information about an api.Status failure.",
        {
            "field": _text("The field of the resource that has caused this error."),
            "message": _text("A human-readable description of the cause of the error."),
            "reason": _text("A machine-readable description of the cause of the error."),
        },
    ),
    META + "DeleteOptions": _DELETE_OPTIONS,
    META + "Preconditions": _object(
        "Preconditions must be fulfilled before an operation (update, delete, etc.) is carried out.",
        {
            "resourceVersion": _text("Specifies the target ResourceVersion"),
            "uid": _text("Specifies the target UID."),
        },
    ),
    META + "Patch": {
        "description": "Patch is provided to give a concrete name and type to the Kubernetes PATCH request body.",
        "type": "object",
    },
    SCALE: _SCALE,
}
