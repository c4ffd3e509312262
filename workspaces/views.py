"""REST: workspaces, objects and the change log, read-only. Tables are read here, and written by the store alone."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import extend_schema, extend_schema_view

from kcpcache.rest.views import DetailView, ListView
from workspaces import filters, serializers
from workspaces.models import Change, Object, Workspace
from workspaces.registry import addresses
from workspaces.store import overview

_LARGEST = 2**63 - 1


class WithPaths:
    """Reads the paths of all logical clusters of a page at once."""

    def get_serializer(self, *args: Any, **kwargs: Any) -> Any:
        """The serializer, with `paths` in its context."""
        found = args[0] if args else []
        rows = found if kwargs.get("many") else [found]
        clusters = {row.cluster for row in rows if hasattr(row, "cluster")}
        context = {**self.get_serializer_context(), "paths": overview.paths(clusters) if clusters else {}}  # type: ignore[attr-defined]
        return self.serializer_class(*args, **{**kwargs, "context": context})  # type: ignore[attr-defined]


@extend_schema_view(get=extend_schema(operation_id="workspaces_list"))
class WorkspaceList(ListView):
    """All workspaces."""

    queryset = Workspace.objects.select_related("parent").order_by("path")
    serializer_class = serializers.WorkspaceSerializer
    filterset_class = filters.WorkspaceFilters
    search_fields = ["path", "cluster"]
    ordering_fields: ClassVar[dict[str, str]] = {"workspace": "path", "name": "name", "created": "created"}


@extend_schema_view(get=extend_schema(operation_id="workspaces_get"))
class WorkspaceDetail(DetailView):
    """One workspace, by path or logical cluster."""

    queryset = Workspace.objects.select_related("parent")
    serializer_class = serializers.WorkspaceSerializer

    def get_object(self) -> Workspace:
        """The workspace; NotFound."""
        address = addresses.find(self.kwargs["workspace"])
        found = self.get_queryset().filter(cluster=address.cluster).first() if address else None
        if found is None:
            raise Http404
        return found  # type: ignore[no-any-return]


@extend_schema_view(get=extend_schema(operation_id="objects_list"))
class ObjectList(WithPaths, ListView):
    """All objects of all workspaces, as they are stored."""

    queryset = Object.objects.order_by("cluster", "group", "resource", "identity", "namespace", "name")
    serializer_class = serializers.ObjectSerializer
    filterset_class = filters.ObjectFilters
    search_fields = ["name", "namespace", "resource", "group", "labels"]
    ordering_fields: ClassVar[dict[str, str]] = {
        "name": "name", "namespace": "namespace", "resource": "resource", "group": "group",
        "resource_version": "revision", "id": "id",
    }  # fmt: skip


@extend_schema_view(get=extend_schema(operation_id="objects_get"))
class ObjectDetail(WithPaths, DetailView):
    """One object, whole."""

    serializer_class = serializers.ObjectDetailSerializer
    queryset = Object.objects.all()

    def get_object(self) -> Object:
        """The object; NotFound."""
        return _by_key(self.get_queryset(), self.kwargs["id"])  # type: ignore[no-any-return]


@extend_schema_view(get=extend_schema(operation_id="changes_list"))
class ChangeList(WithPaths, ListView):
    """The change log, newest first, as far back as it reaches."""

    queryset = Change.objects.defer("body", "previous").order_by("-revision")
    serializer_class = serializers.ChangeSerializer
    filterset_class = filters.ChangeFilters
    search_fields = ["name", "namespace", "resource", "group", "labels"]
    ordering_fields: ClassVar[dict[str, str]] = {"revision": "revision", "at": "at"}


@extend_schema_view(get=extend_schema(operation_id="changes_get"))
class ChangeDetail(WithPaths, DetailView):
    """One change, with the object after and before it."""

    serializer_class = serializers.ChangeDetailSerializer
    queryset = Change.objects.all()

    def get_object(self) -> Change:
        """The change; NotFound."""
        return _by_key(self.get_queryset(), self.kwargs["revision"])  # type: ignore[no-any-return]


def _by_key(queryset: QuerySet[Any], key: int) -> Any:
    found = queryset.filter(pk=key).first() if key <= _LARGEST else None
    if found is None:
        raise Http404
    return found
