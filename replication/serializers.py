"""CachedResources, replicas, bindings, workers and checks as REST shows them."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from replication.models import Replica

_EXAMPLE = {
    "uid": "0b7d1c3e-5a58-4e0c-9a07-3c8f5b8d2f11", "workspace": "root:cloud", "cluster": "2hc9m5p8q0zk1xwd",
    "name": "cpuflavors-v1", "group": "cloud.example.com", "version": "v1", "resource": "cpuflavors",
    "phase": "Ready", "is_ready": False, "is_synced": False, "lag_changes": 12, "lag_seconds": 7.3,
    "last_sync": "2026-11-01T12:00:00Z", "local": 3, "cache": 3, "differs": False, "drifts": 0, "consumers": 2,
    "revision": 4711, "labels": {"tier": "gold"}, "created": "2026-11-01T11:00:00Z",
    "conditions": [{"type": "Synced", "status": "False", "reason": "Behind"}],
    "problems": [
        {
            "reason": "NoWorker", "message": "No worker for the queue replication is at work.",
            "what_to_do": "Start a worker: celery -A kcpcache worker -Q default,controllers,replication.",
        }
    ],
}  # fmt: skip


class ConditionSerializer(serializers.Serializer[Any]):
    """A condition, as Kubernetes has it."""

    type = serializers.CharField()
    status = serializers.ChoiceField(choices=["True", "False", "Unknown"])
    reason = serializers.CharField(required=False)
    message = serializers.CharField(required=False)
    severity = serializers.CharField(required=False)
    lastTransitionTime = serializers.CharField(required=False)  # noqa: N815 - Kubernetes' name
    observedGeneration = serializers.IntegerField(required=False)  # noqa: N815 - Kubernetes' name


class ProblemSerializer(serializers.Serializer[Any]):
    """What is wrong, and what to do about it."""

    reason = serializers.CharField()
    message = serializers.CharField()
    what_to_do = serializers.CharField()


@extend_schema_serializer(examples=[OpenApiExample("one that lags", _EXAMPLE, response_only=True)])
class CachedResourceSerializer(serializers.Serializer[Any]):
    """A CachedResource with its health, computed now."""

    uid = serializers.CharField()
    workspace = serializers.CharField(help_text="path")
    cluster = serializers.CharField(help_text="the workspace's logical cluster")
    name = serializers.CharField()
    group = serializers.CharField(allow_blank=True)
    version = serializers.CharField(allow_blank=True)
    resource = serializers.CharField(help_text="plural name")
    phase = serializers.CharField()
    is_ready = serializers.BooleanField(help_text="the phase is Ready and nothing is wrong")
    is_synced = serializers.BooleanField(help_text="the replica has seen every change")
    lag_changes = serializers.IntegerField(help_text="changes that the replica has not seen")
    lag_seconds = serializers.FloatField(help_text="age of the oldest of them")
    last_sync = serializers.DateTimeField(allow_null=True)
    local = serializers.IntegerField(allow_null=True, help_text="objects selected in the workspace")
    cache = serializers.IntegerField(
        allow_null=True, help_text="objects in Redis; null while it does not answer"
    )
    differs = serializers.BooleanField(help_text="the replica does not hold what it should")
    drifts = serializers.IntegerField(help_text="audits that found it to differ")
    consumers = serializers.IntegerField()
    revision = serializers.IntegerField(help_text="the replica's; 0 while there is none")
    labels = serializers.DictField(child=serializers.CharField(allow_blank=True))
    created = serializers.DateTimeField(allow_null=True)
    conditions = ConditionSerializer(many=True)
    problems = ProblemSerializer(many=True)


class AcceptedSerializer(serializers.Serializer[Any]):
    """An action that a worker does now."""

    action = serializers.ChoiceField(choices=["resync", "repair"])
    uid = serializers.CharField()
    message = serializers.CharField()


class VerdictSerializer(serializers.Serializer[Any]):
    """What a comparison of a replica with its source found."""

    uid = serializers.CharField()
    count = serializers.IntegerField(help_text="objects in Redis")
    is_equal = serializers.BooleanField()
    differences = serializers.ListField(
        child=serializers.CharField(), help_text="at most 100, one sentence each"
    )


class ReplicaSerializer(serializers.ModelSerializer[Replica]):
    """A replica: what it is of, and the database's copy of how far it is."""

    workspace = serializers.SerializerMethodField(help_text="path; the logical cluster's name if it is gone")

    class Meta:
        model = Replica
        fields = [
            "uid", "shard", "workspace", "cluster", "name", "group", "version", "resource", "selector", "epoch",
            "cursor", "count", "size_bytes", "last_sync", "error", "drifts", "is_drifted", "is_deleted", "created",
        ]  # fmt: skip

    def get_workspace(self, row: Replica) -> str:
        return str(self.context["paths"].get(row.cluster, row.cluster))


class ReplicaObjectSerializer(serializers.Serializer[Any]):
    """An object as it lies in Redis; the annotation with the consumer's cluster is empty."""

    name = serializers.CharField()
    object = serializers.DictField()


class BindingSerializer(serializers.Serializer[Any]):
    """An APIBinding: who consumes what of whom, and at which revision they are served."""

    cluster = serializers.CharField(help_text="the consumer's logical cluster")
    workspace = serializers.CharField(help_text="the consumer's path")
    binding = serializers.CharField()
    export = serializers.CharField(allow_blank=True)
    provider_workspace = serializers.CharField(allow_blank=True)
    resources = serializers.ListField(child=serializers.CharField())
    phase = serializers.CharField()
    is_ready = serializers.BooleanField()
    problem = serializers.CharField(allow_blank=True)
    served_revision = serializers.IntegerField(allow_null=True)


class WorkerSerializer(serializers.Serializer[Any]):
    """A Celery worker."""

    name = serializers.CharField()
    queues = serializers.ListField(child=serializers.CharField())
    last_task = serializers.CharField(allow_blank=True)
    last_seen = serializers.DateTimeField()
    tasks_per_minute = serializers.FloatField()
    is_alive = serializers.BooleanField()
    concurrency = serializers.IntegerField()
    pid = serializers.IntegerField()


class CheckSerializer(serializers.Serializer[Any]):
    """The verdict about one part of the system."""

    name = serializers.CharField()
    is_well = serializers.BooleanField()
    message = serializers.CharField(allow_blank=True)
    what_to_do = serializers.CharField(allow_blank=True)
