"""Workspaces, objects and changes as REST shows them."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from kcpcache.apimachinery.objects import JSONObject
from workspaces import redaction
from workspaces.models import Change, Object, Workspace
from workspaces.store import rows

_TYPES = {"A": "ADDED", "M": "MODIFIED", "D": "DELETED"}


_EXAMPLE = {
    "workspace": "root:cloud", "cluster": "2hc9m5p8q0zk1xwd", "name": "cloud", "parent": "root",
    "created": "2026-11-01T12:00:00Z",
}  # fmt: skip


@extend_schema_serializer(examples=[OpenApiExample("a workspace", _EXAMPLE, response_only=True)])
class WorkspaceSerializer(serializers.ModelSerializer[Workspace]):
    """A workspace: its path, and the logical cluster behind it."""

    workspace = serializers.CharField(source="path", help_text="its path")
    parent = serializers.SerializerMethodField(  # type: ignore[assignment]  # the serializer it is nested in, to Field
        help_text="path; null for the root"
    )

    class Meta:
        model = Workspace
        fields = ["workspace", "cluster", "name", "parent", "created"]

    def get_parent(self, row: Workspace) -> str | None:
        return row.parent.path if row.parent is not None else None


class _Located(serializers.Serializer[Any]):
    """What objects and changes have in common. The context's `paths` are the workspaces by logical cluster."""

    workspace = serializers.SerializerMethodField(help_text="path; the logical cluster's name if it is gone")
    cluster = serializers.CharField()
    group = serializers.CharField(allow_blank=True)
    resource = serializers.CharField(help_text="plural name")
    namespace = serializers.CharField(allow_blank=True)
    name = serializers.CharField()
    uid = serializers.CharField()
    labels = serializers.SerializerMethodField()

    def get_workspace(self, row: Any) -> str:
        return str(self.context["paths"].get(row.cluster, row.cluster))

    def get_labels(self, row: Any) -> dict[str, str]:
        return dict(rows.parsed_labels(row.labels))


class ObjectSerializer(_Located):
    """One stored object."""

    id = serializers.IntegerField()
    kind = serializers.SerializerMethodField()
    resource_version = serializers.CharField(source="revision")
    created = serializers.SerializerMethodField()

    @extend_schema_field(OpenApiTypes.DATETIME)
    def get_created(self, row: Object) -> str | None:
        found: str | None = self.decoded(row)["metadata"].get("creationTimestamp")
        return found

    def get_kind(self, row: Object) -> str:
        return str(self.decoded(row)["kind"])

    def decoded(self, row: Any) -> JSONObject:
        """The row's object as it may be shown; decoded once."""
        known: JSONObject | None = getattr(row, "shown", None)
        if known is None:
            known = row.shown = redaction.shown(row.group, row.resource, bytes(row.body))
        return known


class ObjectDetailSerializer(ObjectSerializer):
    """One stored object, whole; of a Secret type and metadata alone."""

    object = serializers.SerializerMethodField()

    def get_object(self, row: Object) -> dict[str, Any]:
        return self.decoded(row)


class ChangeSerializer(_Located):
    """One row of the change log."""

    revision = serializers.IntegerField()
    type = serializers.SerializerMethodField()
    at = serializers.DateTimeField()

    @extend_schema_field({"type": "string", "enum": sorted(_TYPES.values())})
    def get_type(self, row: Change) -> str:
        return _TYPES[row.kind]


class ChangeDetailSerializer(ChangeSerializer):
    """One change with the object after and before it; of a Secret type and metadata alone."""

    object = serializers.SerializerMethodField()
    previous = serializers.SerializerMethodField()

    def get_object(self, row: Change) -> dict[str, Any]:
        return redaction.shown(row.group, row.resource, bytes(row.body))

    def get_previous(self, row: Change) -> dict[str, Any] | None:
        if row.previous is None:
            return None
        return redaction.shown(row.group, row.resource, bytes(row.previous))
