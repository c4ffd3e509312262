"""The stages of a write, one function a stage, the same for every kind.

decode (HTTP) → normalize → clean and prune → default → prepare → validate → admit → store.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

from kcpcache.apimachinery import equality, errors, field, names, objectmeta, objects, spending
from kcpcache.apimachinery.errors import Cause
from kcpcache.apimachinery.objects import JSONObject
from kcpcache.apimachinery.schema import defaulting, pruning
from kcpcache.apimachinery.schema.objectmeta import clean_metadata
from kcpcache.apimachinery.storage import WriteOptions
from workspaces.registry import compiled
from workspaces.registry.strategy import Context, Strategy

OBJECT_LIMIT_BYTES = 1_572_864  # 1.5 MiB, what etcd takes and therefore what clients expect


def check_internal(context: Context, strategy: Strategy, name: str) -> None:
    """Refuse a client that creates or deletes what only controllers do; Forbidden."""
    if strategy.is_internal and not context.is_system:
        descriptor = context.descriptor
        named = f'{descriptor.qualified} "{name}"' if name else descriptor.qualified
        raise errors.Forbidden(
            f"{named} is forbidden: it is created and deleted by the system only",
            group=descriptor.group,
            kind=descriptor.plural,
            name=name,
        )


def clean(context: Context, strategy: Strategy, obj: JSONObject, options: WriteOptions) -> None:
    """Bring an object of a client into the kind's shape; unknown fields are dropped, told or refused."""
    strategy.normalize(obj)
    metadata, causes, unknown = clean_metadata(obj.get("metadata") or {})
    if causes:
        raise errors.invalid(
            context.descriptor.group, context.descriptor.kind, metadata.get("name", ""), causes
        )
    obj["metadata"] = metadata
    artefacts = compiled.compiled(context.descriptor)
    if artefacts is not None and context.descriptor.origin == "builtin":
        _decode_parts(context, artefacts.schema, obj)
    if artefacts is not None:
        unknown = [*unknown, *pruning.prune(obj, artefacts.schema)]
    _tell_unknown(context, unknown, options)
    if artefacts is not None:
        defaulting.apply_defaults(obj, artefacts.schema)


def _decode_parts(context: Context, schema: JSONObject, obj: JSONObject) -> None:
    """Make sure of what hooks rely on before the schema is held against the object: its parts are objects.

    As where Go decodes a built-in kind, null is as good as nothing.
    """
    causes: list[Cause] = []
    properties = schema.get("properties") or {}
    for name, value in list(obj.items()):
        if value is None:
            del obj[name]
        elif not isinstance(value, dict) and (properties.get(name) or {}).get("type") == "object":
            causes.append(field.type_invalid(name, value, f"{name} in body must be of type object"))
    if causes:
        descriptor = context.descriptor
        raise errors.invalid(descriptor.group, descriptor.kind, obj["metadata"].get("name", ""), causes)


def _tell_unknown(context: Context, unknown: Sequence[str], options: WriteOptions) -> None:
    if not unknown or options.field_validation == "Ignore":
        return
    messages = [f'unknown field "{path}"' for path in unknown]
    if options.field_validation == "Strict":
        descriptor = context.descriptor
        raise errors.BadRequest(
            f'{descriptor.kind} in version "{descriptor.version}" cannot be handled as a {descriptor.kind}: '
            f"strict decoding error: {', '.join(messages)}"
        )
    for message in messages:
        options.warn(message)


def begin_metadata(context: Context, namespace: str, obj: JSONObject) -> str:
    """Fill in what the server decides about a new object; returns its name."""
    descriptor = context.descriptor
    metadata = objects.metadata(obj)
    if metadata.get("resourceVersion"):
        raise errors.BadRequest("resourceVersion should not be set on objects to be created")
    if not metadata.get("name") and metadata.get("generateName"):
        metadata["name"] = names.generate_name(metadata["generateName"])
    for ours in ("resourceVersion", "selfLink", "deletionTimestamp", "deletionGracePeriodSeconds"):
        metadata.pop(ours, None)
    if descriptor.namespaced:
        metadata["namespace"] = namespace
    else:
        metadata.pop("namespace", None)
    metadata["uid"] = objects.new_uid()
    metadata["creationTimestamp"] = objects.timestamp()
    metadata["annotations"] = {
        **(metadata.get("annotations") or {}),
        objects.CLUSTER_ANNOTATION: context.cluster,
    }
    return str(metadata.get("name") or "")


_NAME_CHECKS: dict[str, names.NameCheck] = {
    "subdomain": names.dns1123_subdomain,
    "label": names.dns1123_label,
    "path-segment": names.path_segment,
}


def carry_metadata(context: Context, obj: JSONObject, old: JSONObject) -> None:
    """What an update never changes is taken from the stored object, when the client left it out."""
    metadata, before = objects.metadata(obj), old["metadata"]
    for name in ("uid", "creationTimestamp"):
        if not metadata.get(name):
            metadata[name] = before[name]
    for name in ("generation", "deletionTimestamp", "deletionGracePeriodSeconds", "generateName"):
        metadata.pop(name, None)
        if name in before:
            metadata[name] = before[name]
    metadata.pop("selfLink", None)
    metadata["resourceVersion"] = before["resourceVersion"]
    if not metadata.get("managedFields"):
        metadata.pop("managedFields", None)
    metadata["annotations"] = {
        **(metadata.get("annotations") or {}),
        objects.CLUSTER_ANNOTATION: context.cluster,
    }


def carry_status(context: Context, obj: JSONObject, old: JSONObject) -> JSONObject:
    """An update of the object keeps the status, one of the status keeps everything else."""
    if context.subresource == "status":
        kept = copy.deepcopy(old)
        _set(kept, "status", obj.get("status"))
        managed = objects.metadata(obj).get("managedFields")
        _set(objects.metadata(kept), "managedFields", managed)
        return kept
    if context.descriptor.has_status:
        _set(obj, "status", old.get("status"))
    return obj


def _set(target: JSONObject, name: str, value: object) -> None:
    target.pop(name, None)
    if value is not None:
        target[name] = value


def count_generation(context: Context, strategy: Strategy, obj: JSONObject, old: JSONObject | None) -> None:
    """`metadata.generation`: 1 at birth, one more whenever what a person wants has changed."""
    if not strategy.has_generation:
        objects.metadata(obj).pop("generation", None)
        return
    if old is None:
        objects.metadata(obj)["generation"] = 1
        return
    ignored = {"metadata", "status"} if context.descriptor.has_status else {"metadata"}
    counted = (obj.keys() | old.keys()) - ignored
    if not all(equality.is_equal(obj.get(name), old.get(name)) for name in counted):
        objects.metadata(obj)["generation"] = int(old["metadata"].get("generation") or 0) + 1


def validate(context: Context, strategy: Strategy, obj: JSONObject, old: JSONObject | None) -> None:
    """Everything that can be said against an object without asking the store; raises Invalid."""
    descriptor, metadata = context.descriptor, objects.metadata(obj)
    causes: list[Cause] = []
    causes += objectmeta.validate_object_meta(
        metadata, namespaced=descriptor.namespaced, name_check=_NAME_CHECKS[strategy.name_check]
    )
    if old is not None:
        causes += objectmeta.validate_object_meta_update(metadata, old["metadata"])
        causes += _system_finalizer_causes(context, strategy, metadata, old["metadata"])
    artefacts = compiled.compiled(descriptor)
    if artefacts is not None:
        with spending.purse():  # the schema and its rules are paid from one
            causes += artefacts.validator.validate(obj)
            if not causes and not artefacts.rules.is_empty:
                causes += artefacts.rules.validate(obj, old)
    if not causes:
        causes += strategy.validate(context, obj)
        if old is not None:
            causes += strategy.validate_update(context, obj, old)
    if causes:
        raise errors.invalid(descriptor.group, descriptor.kind, str(metadata.get("name") or ""), causes)


def _system_finalizer_causes(
    context: Context, strategy: Strategy, metadata: JSONObject, before: JSONObject
) -> list[Cause]:
    """A client may not take off what holds the object until the system has done its part."""
    finalizer = strategy.system_finalizer
    if not finalizer or context.is_system or finalizer not in (before.get("finalizers") or []):
        return []
    if finalizer in (metadata.get("finalizers") or []):
        return []
    detail = f'the finalizer "{finalizer}" is removed by the system, when everything that it holds is gone'
    return [field.forbidden("metadata.finalizers", detail)]


def check_size(context: Context, body: bytes) -> None:
    """Refuse an object that is larger than Kubernetes stores."""
    if len(body) > OBJECT_LIMIT_BYTES:
        raise errors.RequestEntityTooLarge(
            f"{context.descriptor.kind} of {len(body)} bytes is larger than the limit of {OBJECT_LIMIT_BYTES} bytes"
        )
