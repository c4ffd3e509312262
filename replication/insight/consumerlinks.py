"""The links on the way to the consumer: slice, export, schema, binding, discovery, and the object as it is read."""

from __future__ import annotations

from kcpcache.apimachinery import conditions, errors, objects
from kcpcache.apimachinery.objects import JSONObject
from replication.controllers.state import GROUP, SLICES
from replication.insight import problems
from replication.insight.trail import Trail, Verdict, broken, holds
from workspaces.registry import catalogue, client, virtual, workspace


def endpoint_slice(trail: Trail) -> Verdict:
    """The slice that the export names refers to the CachedResource."""
    assert trail.cachedresource is not None  # a link before found it
    name, reference = trail.cachedresource["metadata"]["name"], _reference(trail)
    slice_ = client.get(trail.provider.cluster, GROUP, SLICES, reference.get("name") or name)
    if slice_ is None:
        message = f"There is no CachedResourceEndpointSlice {reference.get('name') or name}."
        return broken(
            "endpoint slice", message, f"Create it in {trail.provider.path}, for CachedResource {name}."
        )
    wanted = slice_["spec"]["cachedResource"]
    is_here = wanted.get("path") in (None, "", trail.provider.path, trail.provider.cluster)
    if wanted["name"] != name or not is_here:
        message = f"It refers to {wanted.get('path') or trail.provider.path}:{wanted['name']}."
        remedy = f"Name a slice in the export that refers to {name}; a slice's reference cannot be changed."
        return broken("endpoint slice", message, remedy)
    return holds("endpoint slice", f"{slice_['metadata']['name']} refers to CachedResource {name}.")


def export(trail: Trail) -> Verdict:
    """The export names the slice, under the identity of the CachedResource."""
    assert trail.cachedresource is not None  # a link before found it
    if not trail.export:
        message = f"No APIExport of {trail.provider.path} has {trail.qualified}."
        return broken(
            "export", message, "Create an APIExport with storage.virtual behind the endpoint slice."
        )
    if not _reference(trail):
        message = (
            f"{trail.export_name} has {trail.qualified} with storage.crd: each consumer has its own objects."
        )
        return broken("export", message, "Use storage.virtual with a reference to the endpoint slice.")
    wanted = (trail.cachedresource.get("status") or {}).get("identityHash") or ""
    stated = trail.entry["storage"]["virtual"].get("identityHash") or ""
    if stated != wanted:
        message = (
            f"{trail.export_name} names identityHash {stated or '(none)'}; the CachedResource has {wanted}."
        )
        return broken("export", message, problems.of("IdentityHashMismatch", "").what_to_do)
    if not (trail.export.get("status") or {}).get("identityHash"):
        problem = conditions.of(trail.export, "IdentityValid") or {}
        message = f"{trail.export_name} has no identity of its own: {problem.get('message') or 'not reconciled yet'}."
        return broken("export", message, "See its condition IdentityValid, and that a worker is at work.")
    problem_text = virtual.problem_of(catalogue.reference_of(trail.provider.cluster, trail.entry))
    if problem_text:
        return broken(
            "export", f"{trail.export_name} serves nothing: {problem_text}.", "See the links before."
        )
    return holds("export", f"{trail.export_name} publishes it under the right identity.")


def exported_schema(trail: Trail) -> Verdict:
    """The APIResourceSchema that the export names is there, of this resource, and serves the version."""
    assert trail.cachedresource is not None  # a link before found it
    name = trail.entry["schema"]
    found = catalogue.read_one(trail.provider.cluster, *catalogue.SCHEMAS, name)
    if found is None:
        problem = problems.of("SchemaNotFound", f"APIResourceSchema {name} does not exist.")
        return broken("exported schema", problem.message, problem.what_to_do)
    spec = found["spec"]
    if (spec["group"], spec["names"]["plural"]) != (trail.group, trail.resource):
        message = f"APIResourceSchema {name} is of {spec['names']['plural']}.{spec['group']}."
        return broken("exported schema", message, f"Name a schema of {trail.qualified} in the export.")
    version = trail.cachedresource["spec"]["version"]
    if version not in [each["name"] for each in spec["versions"] if each.get("served")]:
        message = f"APIResourceSchema {name} does not serve {version}, the version that is replicated."
        return broken("exported schema", message, "Name a schema in the export that serves it.")
    return holds("exported schema", f"APIResourceSchema {name} serves {version}.")


def binding(trail: Trail) -> Verdict:
    """The consumer has bound the export."""
    if trail.binding is None:
        message = f"{trail.consumer.path} has no APIBinding to {trail.export_name}."
        remedy = (
            f"Create an APIBinding in {trail.consumer.path} with spec.reference.export"
            f" path {trail.provider.path} and name {trail.export['metadata']['name']}."
        )
        return broken("binding", message, remedy)
    name = trail.binding["metadata"]["name"]
    if objects.is_being_deleted(trail.binding):
        return broken("binding", f"APIBinding {name} is being deleted.", "Wait, then create it again.")
    conflict = _conflict(trail.binding)
    if conflict:
        message = f"NamingConflicts: {conflict}."
        remedy = f"Remove the other CustomResourceDefinition or APIBinding from {trail.consumer.path}."
        return broken("binding", message, remedy)
    if (trail.binding.get("status") or {}).get("phase") != "Bound":
        return broken(
            "binding", _unready(trail.binding), "It is tried again by itself when that is put right."
        )
    return holds("binding", f"APIBinding {name} is bound.")


def _conflict(obj: JSONObject) -> str:
    for entry in (obj.get("status") or {}).get("conditions") or []:
        if entry["status"] == "False" and entry.get("reason") == "NamingConflicts":
            return str(entry.get("message") or "a name is taken").rstrip(".")
    return ""


def _unready(obj: JSONObject) -> str:
    for entry in (obj.get("status") or {}).get("conditions") or []:
        if entry["status"] == "False" and entry["type"] != "Ready":
            return f"{entry.get('reason') or entry['type']}: {entry.get('message') or 'not bound yet'}."
    return f"APIBinding {obj['metadata']['name']} was not looked at yet; see that a worker is at work."


def discovery(trail: Trail) -> Verdict:
    """The consumer's workspace serves the resource, and it is this provider's."""
    assert trail.cachedresource is not None  # a link before found it
    version = trail.cachedresource["spec"]["version"]
    try:
        found = client.descriptor_of(trail.consumer.cluster, trail.group, trail.resource, version)
    except errors.NotFound:
        message = f"{trail.consumer.path} does not serve {trail.qualified} in version {version}."
        return broken("discovery", message, "See the conditions of the APIBinding.")
    provider, target = found.extra.get("virtual", (None, None))
    if getattr(target, "uid", "") != trail.cachedresource["metadata"]["uid"]:
        origin = "a CustomResourceDefinition of its own" if found.origin == "crd" else "another APIBinding"
        message = f"{trail.consumer.path} serves {trail.qualified} from {origin}."
        return broken("discovery", message, f"Remove {origin} from {trail.consumer.path}.")
    trail.descriptor = found
    return holds(
        "discovery",
        f"{trail.consumer.path} serves {trail.qualified} {version}: {', '.join(provider.verbs())}.",
    )


def served_object(trail: Trail) -> Verdict:
    """The object as the consumer reads it."""
    assert trail.descriptor is not None  # the link before found it
    storage = workspace.storage_of(trail.descriptor, trail.consumer.cluster, trail.consumer.path)
    try:
        record = storage.get("", trail.name)
    except errors.APIError as error:
        return broken("object as served", f"A read answers {error.reason}: {error.message}.", "Ask again.")
    message = f"{trail.consumer.path} reads {trail.name} at resourceVersion {record.revision}."
    if record.revision < trail.source_revision:
        remedy = "It arrives within a second while a worker is at work."
        return broken("object as served", f"{message} The source is at {trail.source_revision}.", remedy)
    return holds("object as served", message)


def _reference(trail: Trail) -> JSONObject:
    reference: JSONObject = ((trail.entry.get("storage") or {}).get("virtual") or {}).get("reference") or {}
    return reference
