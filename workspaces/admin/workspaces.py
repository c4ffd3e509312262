"""Workspaces as a tree, and what lies in each."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db import connection
from django.db.models import QuerySet, Value
from django.db.models.functions import Collate, Replace
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from kcpcache.apimachinery import objects as api_objects
from kcpcache.apimachinery.objects import JSONObject
from kcpcache.apimachinery.storage import Collection, Key
from workspaces.admin.operators import OperatorAdmin
from workspaces.models import Workspace
from workspaces.store import content
from workspaces.store import objects as store

_DEEPEST = 8  # levels that are indented


@admin.register(Workspace)
class WorkspaceAdmin(OperatorAdmin):
    """A workspace comes right before those below it."""

    list_display = ("tree", "path", "phase", "kind", "cluster", "created")
    list_display_links = ("tree",)
    search_fields = ("path", "cluster")
    search_help_text = "Part of a path, or a logical cluster's name."
    sortable_by = ("created",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Workspace]:
        """In the order of the tree: no name may come between a workspace and its children."""
        binary = "C" if connection.vendor == "postgresql" else "BINARY"
        tree = Collate(Replace("path", Value(":"), Value(" ")), binary)
        return Workspace.objects.alias(tree=tree).order_by("tree")

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """See `get_queryset`."""
        return ("tree",)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The list, with the API's Workspace objects looked up at once."""
        response = super().changelist_view(request, {"title": "Workspaces", **(extra_context or {})})
        shown = getattr(response, "context_data", None)
        if shown and "cl" in shown:
            found = list(shown["cl"].result_list)
            present = store.read_many(_key(row) for row in found)
            for row in found:
                record = present.get(_key(row))
                row.obj = api_objects.decode(record.body) if record else {}
        return response

    @admin.display(description="workspace")
    def tree(self, row: Workspace) -> SafeString:
        """The name, as far to the right as it is deep."""
        depth = min(row.path.count(":"), _DEEPEST)
        return format_html('<span class="kc-depth-{}">{}</span>', depth, row.name or row.path)

    @admin.display
    def phase(self, row: Workspace) -> str:
        """Of the Workspace object; the root has none."""
        return str((_object(row).get("status") or {}).get("phase") or "-")

    @admin.display(description="type")
    def kind(self, row: Workspace) -> str:
        """The name of its WorkspaceType."""
        return str(((_object(row).get("spec") or {}).get("type") or {}).get("name") or "-")

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """One workspace: what it holds, and what lies below it."""
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404("There is no such workspace (any more).")
        record = store.get(_key(row))
        context = {
            **self.admin_site.each_context(request),
            "title": row.path,
            "opts": self.opts,
            "row": row,
            "obj": api_objects.decode(record.body) if record else {},
            "collections": [
                (_qualified(each), store.count(each)) for each in content.collections(row.cluster)
            ],
            "children": list(row.children.order_by("path")[:100]),
            "ancestors": _ancestors(row.path),
        }
        return TemplateResponse(request, "workspaces/workspace.html", context)


def _key(row: Workspace) -> Key:
    """Of the Workspace object in the parent."""
    return Key(row.parent_id or "", "tenancy.kcp.io", "workspaces", "", "", row.name)


def _object(row: Workspace) -> JSONObject:
    found: JSONObject = getattr(row, "obj", {})
    return found


def _qualified(collection: Collection) -> str:
    group = collection.group
    return f"{collection.resource}.{group}" if group else collection.resource


def _ancestors(path: str) -> list[tuple[str, str]]:
    """Path and cluster of each workspace above."""
    parts = path.split(":")
    above = [":".join(parts[:count]) for count in range(1, len(parts))]
    return list(Workspace.objects.filter(path__in=above).order_by("path").values_list("path", "cluster"))
