"""What lists of CachedResources, replicas, bindings, workers and checks can be filtered by."""

from __future__ import annotations

import django_filters

from kcpcache.rest import filters
from replication.models import Replica
from workspaces.filters import LABEL_HELP, WORKSPACE_HELP, WorkspaceField, WorkspaceFilter


class RowWorkspace(filters.RowChar):
    """Rows of one workspace."""

    field_class = WorkspaceField


class CachedResourceFilters(filters.RowFilterSet):
    """Filters of CachedResources."""

    workspace = RowWorkspace(field_name="cluster", help_text=WORKSPACE_HELP)
    name = filters.RowChar()
    group = filters.RowChar()
    resource = filters.RowChar(help_text="Plural name such as cpuflavors.")
    phase = filters.RowChoice(
        choices=[(phase, phase) for phase in ("Initializing", "Ready", "Deleting")], help_text="The phase."
    )
    ready = filters.RowBoolean(field_name="is_ready", help_text="In phase Ready, and nothing is wrong.")
    synced = filters.RowBoolean(field_name="is_synced", help_text="The replica has seen every change.")
    differs = filters.RowBoolean(help_text="The replica does not hold what it should.")
    lag__gt = filters.RowNumber(field_name="lag_seconds", lookup_expr="gt", help_text="Seconds.")
    lag__gte = filters.RowNumber(field_name="lag_seconds", lookup_expr="gte", help_text="Seconds.")
    lag__lt = filters.RowNumber(field_name="lag_seconds", lookup_expr="lt", help_text="Seconds.")
    lag__lte = filters.RowNumber(field_name="lag_seconds", lookup_expr="lte", help_text="Seconds.")
    consumers__gt = filters.RowNumber(field_name="consumers", lookup_expr="gt")
    label = filters.RowSelector(field_name="labels", help_text=LABEL_HELP)
    created_after = filters.RowMoment(field_name="created", lookup_expr="gte")
    created_before = filters.RowMoment(field_name="created", lookup_expr="lt")


class ReplicaFilters(django_filters.FilterSet):
    """Filters of replicas."""

    workspace = WorkspaceFilter(field_name="cluster", help_text=WORKSPACE_HELP)
    name = django_filters.CharFilter()
    group = django_filters.CharFilter()
    resource = django_filters.CharFilter()
    drifted = filters.BooleanFilter(field_name="is_drifted")

    class Meta:
        model = Replica
        fields: list[str] = []


class BindingFilters(filters.RowFilterSet):
    """Filters of bindings."""

    workspace = RowWorkspace(field_name="cluster", help_text=f"The consumer. {WORKSPACE_HELP}")
    provider = filters.RowChar(field_name="provider_workspace", help_text="Path of the provider's workspace.")
    export = filters.RowChar()
    resource = filters.RowContains(field_name="resources", help_text="Such as cpuflavors.cloud.example.com.")
    phase = filters.RowChoice(choices=[(phase, phase) for phase in ("Binding", "Bound")])
    ready = filters.RowBoolean(field_name="is_ready")


class WorkerFilters(filters.RowFilterSet):
    """Filters of workers."""

    queue = filters.RowContains(field_name="queues")
    alive = filters.RowBoolean(field_name="is_alive")


class CheckFilters(filters.RowFilterSet):
    """Filters of checks."""

    well = filters.RowBoolean(field_name="is_well")
