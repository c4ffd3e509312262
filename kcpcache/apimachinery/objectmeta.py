"""The rules of `metadata`, for a new object and for a change (k8s.io/apimachinery/pkg/api/validation)."""

from __future__ import annotations

from typing import Any

from kcpcache.apimachinery import errors, field, names
from kcpcache.apimachinery.errors import Cause
from kcpcache.apimachinery.objects import JSONObject

TOTAL_ANNOTATION_SIZE_LIMIT_BYTES = 256 * 1024
ORPHAN_FINALIZER = "orphan"
FOREGROUND_FINALIZER = "foregroundDeletion"

_STRING_FIELDS = (
    "name",
    "generateName",
    "namespace",
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "deletionTimestamp",
    "selfLink",
)
_IMMUTABLE_FIELDS = (
    "name",
    "namespace",
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
)
_IMMUTABLE = "field is immutable"


def validate_object_meta(
    metadata: JSONObject, *, namespaced: bool, name_check: names.NameCheck, path: str = "metadata"
) -> list[Cause]:
    """What is wrong with the metadata of an object about to be stored.

    A value of the wrong JSON type is reported and its rules are not checked, so a client's nonsense is
    422 and never a crash.
    """
    if causes := _type_causes(metadata, path):
        return causes
    causes = _name_causes(metadata, name_check, path)
    causes += _namespace_causes(metadata, namespaced, path)
    generation = metadata.get("generation") or 0
    if generation < 0:
        causes.append(field.invalid(f"{path}.generation", generation, "must be greater than or equal to 0"))
    causes += label_causes(metadata.get("labels") or {}, f"{path}.labels")
    causes += _annotation_causes(metadata.get("annotations") or {}, f"{path}.annotations")
    causes += _owner_causes(metadata.get("ownerReferences") or [], f"{path}.ownerReferences")
    causes += _finalizer_causes(metadata.get("finalizers") or [], f"{path}.finalizers")
    return causes


def validate_object_meta_update(new: JSONObject, old: JSONObject, path: str = "metadata") -> list[Cause]:
    """What a change of metadata may not do: `new` and `old` are the two `metadata` dictionaries."""
    causes = []
    if (old.get("deletionTimestamp")) and (
        added := sorted(set(new.get("finalizers") or []) - set(old.get("finalizers") or []))
    ):
        causes.append(
            field.forbidden(
                f"{path}.finalizers",
                "no new finalizers can be added if the object is being deleted, found new finalizers "
                + field.shown(added),
            )
        )
    if not new.get("resourceVersion"):
        causes.append(field.invalid(f"{path}.resourceVersion", "", "must be specified for an update"))
    if (new.get("generation") or 0) < (old.get("generation") or 0):
        causes.append(
            field.invalid(f"{path}.generation", new.get("generation") or 0, "must not be decremented")
        )
    for name in _IMMUTABLE_FIELDS:
        value = new.get(name)
        if (value or None) != (old.get(name) or None):
            causes.append(field.invalid(f"{path}.{name}", value, _IMMUTABLE))
    return causes


def label_causes(labels: dict[str, str], path: str) -> list[Cause]:
    """What is wrong with a map of labels: `metadata.labels`, and `matchLabels` of a selector."""
    causes = []
    for key, value in labels.items():
        causes += [field.invalid(path, key, message) for message in names.label_key(key)]
        causes += [field.invalid(path, value, message) for message in names.label_value(value)]
        if len(causes) > errors.MAX_CAUSES:
            break  # enough is told
    return causes


def _type_causes(metadata: JSONObject, path: str) -> list[Cause]:
    causes = [
        field.type_invalid(f"{path}.{name}", metadata[name], "must be a string")
        for name in _STRING_FIELDS
        if not isinstance(metadata.get(name, ""), str | None)
    ]
    for name in ("labels", "annotations"):
        entries = metadata.get(name) or {}
        if not isinstance(entries, dict):
            causes.append(field.type_invalid(f"{path}.{name}", entries, "must be an object"))
            continue
        causes += [
            field.type_invalid(f"{path}.{name}.{key}", value, "must be a string")
            for key, value in entries.items()
            if not isinstance(value, str)
        ]
    for name, kind, wanted in (("finalizers", str, "a string"), ("ownerReferences", dict, "an object")):
        items = metadata.get(name) or []
        if not isinstance(items, list):
            causes.append(field.type_invalid(f"{path}.{name}", items, "must be an array"))
            continue
        causes += [
            field.type_invalid(f"{path}.{name}[{index}]", item, f"must be {wanted}")
            for index, item in enumerate(items)
            if not isinstance(item, kind)
        ]
    for name in ("generation", "deletionGracePeriodSeconds"):
        number = metadata.get(name) or 0
        if type(number) is not int:
            causes.append(field.type_invalid(f"{path}.{name}", number, "must be an integer"))
    return causes


def _name_causes(metadata: JSONObject, name_check: names.NameCheck, path: str) -> list[Cause]:
    causes = []
    if prefix := metadata.get("generateName"):
        check = names.generated_prefix_check(name_check)
        causes += [field.invalid(f"{path}.generateName", prefix, message) for message in check(prefix)]
    name = metadata.get("name")
    if not name:
        causes.append(field.required(f"{path}.name", "name or generateName is required"))
    else:
        causes += [field.invalid(f"{path}.name", name, message) for message in name_check(name)]
    return causes


def _namespace_causes(metadata: JSONObject, namespaced: bool, path: str) -> list[Cause]:
    namespace = metadata.get("namespace")
    if not namespaced:
        return [field.forbidden(f"{path}.namespace", "not allowed on this type")] if namespace else []
    if not namespace:
        return [field.required(f"{path}.namespace")]
    return [
        field.invalid(f"{path}.namespace", namespace, message) for message in names.dns1123_label(namespace)
    ]


def _annotation_causes(annotations: dict[str, str], path: str) -> list[Cause]:
    causes: list[Cause] = []
    size_bytes = 0
    for key, value in annotations.items():
        size_bytes += len(key.encode()) + len(value.encode())
        if len(causes) <= errors.MAX_CAUSES:
            causes += [field.invalid(path, key, message) for message in names.qualified_name(key.lower())]
    if size_bytes > TOTAL_ANNOTATION_SIZE_LIMIT_BYTES:
        causes.append(field.too_long(path, TOTAL_ANNOTATION_SIZE_LIMIT_BYTES))
    return causes


def _owner_causes(owners: list[JSONObject], path: str) -> list[Cause]:
    causes: list[Cause] = []
    controller = ""
    for owner in owners:
        if len(causes) > errors.MAX_CAUSES:
            break  # enough is told, and each may show all owners
        causes += _owner_field_causes(owner, path)
        if owner.get("controller") is not True:
            continue
        if controller:
            detail = (
                'Only one reference can have Controller set to true. Found "true" in references for '
                f"{controller} and {str(owner.get('name'))[: field.MAX_SHOWN_CHARS]}"
            )
            causes.append(field.invalid(path, owners, detail))
        controller = str(owner.get("name"))[: field.MAX_SHOWN_CHARS]
    return causes


def _owner_field_causes(owner: JSONObject, path: str) -> list[Cause]:
    causes = []
    api_version: Any = owner.get("apiVersion")
    if not isinstance(api_version, str) or not api_version.rpartition("/")[2]:
        causes.append(field.invalid(f"{path}.apiVersion", api_version, "version must not be empty"))
    for name in ("kind", "name", "uid"):
        value = owner.get(name)
        if not isinstance(value, str) or not value:
            causes.append(field.invalid(f"{path}.{name}", value, "must not be empty"))
    if api_version == "v1" and owner.get("kind") == "Event":
        causes.append(field.invalid(path, owner, "/v1, Kind=Event is disallowed from being an owner"))
    for name in ("controller", "blockOwnerDeletion"):
        if not isinstance(owner.get(name), bool | None):
            causes.append(field.type_invalid(f"{path}.{name}", owner[name], "must be a boolean"))
    return causes


def _finalizer_causes(finalizers: list[str], path: str) -> list[Cause]:
    causes = []
    for finalizer in finalizers:
        causes += [field.invalid(path, finalizer, message) for message in names.finalizer(finalizer)]
        if len(causes) > errors.MAX_CAUSES:
            break  # enough is told
    if ORPHAN_FINALIZER in finalizers and FOREGROUND_FINALIZER in finalizers:
        detail = f"{ORPHAN_FINALIZER} and {FOREGROUND_FINALIZER} cannot be both set"
        causes.append(field.invalid(path, finalizers, detail))
    return causes
