"""What can be wrong, and what to do about each, in words for whoever has never seen it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: its reason in one word, what was seen, and what to do."""

    reason: str
    message: str
    what_to_do: str


_REMEDIES = {
    "IdentityGenerationFailed": "Create the Secret that spec.identity.secretRef names, with the key in data.key; it is"
    " noticed by itself.",
    "IdentityVerificationFailed": "Put the former key back into the Secret; until then consumers keep the"
    " last good state.",
    "ResourceNotFound": "Create the CustomResourceDefinition in this workspace, or an APIBinding that brings the"
    " resource; or correct group, version and resource.",
    "ResourceNotSupported": "Replicate a resource of a CustomResourceDefinition; delete this CachedResource.",
    "ResourceNotClusterScoped": "Only cluster-scoped resources are replicated; define the resource with scope Cluster.",
    "ResourceNotValid": "See the condition ResourceValid.",
    "IdentityNotValid": "See the condition IdentityValid.",
    "NotReconciled": "A worker for the queue controllers looks at it; start one: celery -A kcpcache worker.",
    "ReconcileFailed": "It is tried again by itself; the worker's log has the details.",
    "NoWorker": "Start a worker: celery -A kcpcache worker -Q default,controllers,replication.",
    "Lagging": "See whether workers are at work (manage.py status) and add some if they are busy.",
    "RedisUnreachable": "Start Redis, or correct KCPCACHE_REDIS_URL; consumers read from the database meanwhile.",
    "ReplicaMissing": "A worker fills it within seconds by itself; if not, see whether workers and beat are at work.",
    "ReplicaDamaged": "A worker fills it again by itself; manage.py verify_replica --repair does it at once.",
    "Drifted": "It was filled again; find out who else writes to this Redis (ACL LOG, CLIENT LIST).",
    "SyncFailed": "It is tried again by itself; the worker's log has the details.",
    "IdentityHashMismatch": "Set identityHash in the APIExport to this CachedResource's status.identityHash.",
    "SchemaNotFound": "Create the APIResourceSchema, or name one that exists in the APIExport.",
    "SchemaOutOfSync": "Create an APIResourceSchema from the present CustomResourceDefinition, and name it"
    " in the APIExport.",
    "EndpointSliceMissing": "Create a CachedResourceEndpointSlice of that name that refers to this CachedResource, or"
    " name one that exists in the APIExport.",
}
# Of APIBindings, whose consumers are not served.
_OF_BINDINGS = {
    "APIExportNotFound": "Create the APIExport, or make an APIBinding anew that names one which exists: its reference"
    " cannot be changed.",
    "MissingIdentityHash": "See the condition IdentityValid of the APIExport, and that its identity Secret exists.",
    "APIResourceSchemaNotFound": "Create the APIResourceSchema in the export's workspace, or name one that exists in"
    " the APIExport.",
    "APIResourceSchemaInvalid": "Name a schema of that very resource in the APIExport.",
    "NamingConflicts": "Remove the CustomResourceDefinition or the other APIBinding that has the name in the"
    " consumer's workspace, or bind the export elsewhere.",
    "VirtualResourceInvalid": "Mend in the export's workspace what the message names: CachedResource, endpoint slice,"
    " or identityHash in the APIExport.",
    "InvalidPermissionClaims": "Accept in spec.permissionClaims of the APIBinding only what the APIExport claims.",
    "NotReconciled": _REMEDIES["NotReconciled"],
    "Deleting": "See whether workers are at work, and who is to take the finalizers off the APIBinding.",
}
_BY_CONDITION = {
    "IdentityValid": "See that the Secret named in spec.identity.secretRef exists and has a key in data.key.",
    "ResourceValid": "See that the workspace serves the resource and that it is cluster-scoped.",
    "SchemaInSync": _REMEDIES["SchemaOutOfSync"],
    "ReplicationStarted": "It begins by itself when identity and resource are valid and a worker runs.",
}


def of(reason: str, message: str, condition: str = "") -> Problem:
    """A problem with the remedy for its reason, or for the condition that states it."""
    remedy = _REMEDIES.get(reason) or _BY_CONDITION.get(condition)
    return Problem(
        reason, message, remedy or "See the message, and the Events of the CachedResource for its history."
    )


def of_binding(reason: str, message: str) -> Problem:
    """Why a consumer is not served, with the remedy for the reason."""
    remedy = _OF_BINDINGS.get(reason)
    return Problem(reason, message, remedy or "See the message, and the conditions of the APIBinding.")
