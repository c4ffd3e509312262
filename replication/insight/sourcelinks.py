"""The links on the provider's side: from the source object to the replica in Redis."""

from __future__ import annotations

from kcpcache.apimachinery import conditions, errors, objects
from kcpcache.apimachinery.objects import JSONObject
from kcpcache.apimachinery.storage import Key
from replication import rows
from replication.controllers.state import GROUP, PLURAL
from replication.insight import health, problems, workers
from replication.insight.trail import Trail, Verdict, broken, holds, hurt
from replication.replica import audit, body, connection, meta
from workspaces.registry import client
from workspaces.store import objects as store
from workspaces.store import overview


def source_resource(trail: Trail) -> Verdict:
    """The provider serves the resource, from a CRD or a binding of its own."""
    home = trail.provider.path
    try:
        found = client.descriptor_of(trail.provider.cluster, trail.group, trail.resource)
    except errors.NotFound:
        return broken(
            "source resource",
            f"{home} does not serve {trail.qualified}.",
            f"Create the CustomResourceDefinition {trail.qualified} in {home}, or bind an export that has it.",
        )
    if found.origin == "virtual":
        return broken(
            "source resource",
            f"{trail.qualified} is virtual in {home} itself.",
            "Bind the export of the workspace that it comes from.",
        )
    origin = "an APIBinding" if found.origin == "binding" else "a CustomResourceDefinition"
    trail.descriptor = found
    return holds("source resource", f"{home} serves {trail.qualified}, from {origin}.")


def cached_resource(trail: Trail) -> Verdict:
    """A CachedResource says that it is to be replicated, and is not going away."""
    home = trail.provider.path
    candidates = [
        obj
        for _, obj in overview.every(GROUP, PLURAL, trail.provider.cluster)
        if (obj["spec"].get("group") or "", obj["spec"]["resource"]) == (trail.group, trail.resource)
    ]
    if not candidates:
        return broken(
            "CachedResource",
            f"{home} has no CachedResource for {trail.qualified}.",
            f"Create one in {home} with spec.group, version and resource of {trail.qualified}.",
        )
    wanted = _referred(trail)
    obj = next((each for each in candidates if each["metadata"]["name"] == wanted), candidates[0])
    name = obj["metadata"]["name"]
    if objects.is_being_deleted(obj):
        return broken("CachedResource", f"CachedResource {name} is being deleted.", "Create it again.")
    trail.cachedresource = obj
    trail.health = health.one(trail.provider.cluster, name)
    return holds("CachedResource", f"CachedResource {name} in {home} replicates {trail.qualified}.")


def _referred(trail: Trail) -> str:
    reference = ((trail.entry.get("storage") or {}).get("virtual") or {}).get("reference") or {}
    slice_ = client.get(
        trail.provider.cluster, GROUP, "cachedresourceendpointslices", reference.get("name") or ""
    )
    return str(slice_["spec"]["cachedResource"]["name"]) if slice_ else ""


def _of(trail: Trail) -> JSONObject:
    assert trail.cachedresource is not None  # the link before found it
    return trail.cachedresource


def identity(trail: Trail) -> Verdict:
    """The identity key is there and is still the one that was published."""
    obj = _of(trail)
    condition = conditions.of(obj, "IdentityValid") or {}
    identity_hash = (obj.get("status") or {}).get("identityHash") or ""
    if condition.get("status") == "True":
        return holds("identity", f"The identity is valid, its hash is {identity_hash}.")
    if not condition:
        remedy = problems.of("NotReconciled", "").what_to_do
        return broken("identity", "No worker has looked at the CachedResource yet.", remedy)
    problem = problems.of(condition.get("reason") or "", condition.get("message") or "", "IdentityValid")
    if identity_hash:
        message = f"{problem.reason}: {problem.message}; consumers keep what they had."
        return hurt("identity", message, problem.what_to_do)
    return broken("identity", f"{problem.reason}: {problem.message}.", problem.what_to_do)


def schema(trail: Trail) -> Verdict:
    """The CachedResource has something that can be replicated, and its version is served."""
    obj = _of(trail)
    condition = conditions.of(obj, "ResourceValid") or {}
    if condition.get("status") != "True":
        problem = problems.of(condition.get("reason") or "NotReconciled", condition.get("message") or "")
        return broken("source schema", f"{problem.reason}: {problem.message}.", problem.what_to_do)
    version = obj["spec"]["version"]
    versions = trail.descriptor.versions if trail.descriptor else ()
    if version not in versions:
        message = f"Version {version} is not served; {trail.provider.path} serves {', '.join(versions)}."
        return broken("source schema", message, "Serve that version, or replicate one that is served.")
    return holds("source schema", f"{trail.qualified} is cluster-scoped and serves {version}.")


def source_object(trail: Trail) -> Verdict:
    """The object exists where it comes from."""
    assert trail.descriptor is not None  # a link before found it
    key = Key(trail.provider.cluster, trail.group, trail.resource, trail.descriptor.identity, "", trail.name)
    record = store.get(key)
    if record is None:
        message = f"There is no {trail.qualified} {trail.name} in {trail.provider.path}."
        return broken("source object", message, "Create it there, or correct the name.")
    trail.source_revision = record.revision
    obj = objects.decode(record.body)
    message = f"{trail.name} is there, at revision {record.revision}."
    if objects.is_being_deleted(obj):
        message = (
            f"{trail.name} is being deleted since {obj['metadata']['deletionTimestamp']}; it is still served."
        )
    return holds("source object", message)


def selector(trail: Trail) -> Verdict:
    """The CachedResource selects the object."""
    source = rows.find(_of(trail)["metadata"]["uid"])
    if source is None:
        remedy = problems.of("NotReconciled", "").what_to_do
        return broken("selector", "No worker has begun to replicate the CachedResource.", remedy)
    trail.source = source
    key = Key(
        source.collection.cluster, trail.group, trail.resource, source.collection.identity, "", trail.name
    )
    record = store.get(key)
    labels = dict(record.labels) if record is not None else {}
    wanted = _of(trail)["spec"].get("labelSelector") or {}
    if not source.selector.matches(labels):
        message = f"The labels of {trail.name} are {labels or 'none'}; spec.labelSelector is {wanted}."
        remedy = f"Label {trail.name} so that it matches, or change the selector of {source.name}."
        return broken("selector", message, remedy)
    return holds("selector", "The selector keeps the object." if wanted else "Every object is selected.")


def worker(trail: Trail) -> Verdict:
    """Somebody brings changes into the replica."""
    alive = workers.alive("replication")
    if alive:
        return holds("worker", f"At work: {', '.join(each.name for each in alive)}.")
    try:
        connection.hasty_client().ping()
    except connection.Error:
        return hurt("worker", "Redis does not answer, so nobody knows.", "Start Redis.")
    problem = problems.of("NoWorker", "No worker for the queue replication is at work")
    health = trail.health
    if health is not None and health.is_synced:
        message = f"{problem.message}; what was replicated before is still served."
        return hurt("worker", message, problem.what_to_do)
    return broken("worker", f"{problem.message}, and changes are waiting.", problem.what_to_do)


def replica(trail: Trail) -> Verdict:
    """Redis holds the object as it is now."""
    source = trail.source
    assert source is not None  # the link before found it
    cache = connection.hasty_client()
    try:
        present = meta.read(cache, source.family)
        found = cache.hget(source.family.objects(present.epoch), trail.name) if present else None
    except connection.Error as error:
        problem = problems.of("RedisUnreachable", f"Redis does not answer: {error}.")
        return broken("replica", problem.message, problem.what_to_do)
    if present is None:
        message = "Redis has no replica (it was emptied); consumers are answered from the database meanwhile."
        return broken("replica", message, problems.of("ReplicaMissing", "").what_to_do)
    record = store.get(
        Key(
            source.collection.cluster, trail.group, trail.resource, source.collection.identity, "", trail.name
        )
    )
    wanted = body.to_replica(record.body, source.api_version) if record else b""
    if found is not None and audit.is_same(wanted, found):
        return holds("replica", f"Redis holds it as it is; the replica is at revision {present.cursor}.")
    if present.cursor < trail.source_revision:
        message = f"The replica is at revision {present.cursor}, the object at {trail.source_revision}."
        return broken("replica", message, problems.of("Lagging", "").what_to_do)
    state = "another content" if found is not None else "no such object"
    message = f"Redis has {state}, although the replica claims revision {present.cursor}."
    return broken(
        "replica", message, "Run manage.py verify_replica --repair; an audit does the same each minute."
    )
