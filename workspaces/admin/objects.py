"""All objects of all workspaces: found by kind, workspace, name and labels; shown and edited as YAML."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from workspaces import adminaccess
from workspaces.admin import editing, filters, objectpage
from workspaces.admin.operators import OperatorAdmin
from workspaces.models import Object
from workspaces.store import overview, rows

_LABELS = 3  # shown in a row of the list


@admin.register(Object)
class ObjectAdmin(OperatorAdmin):
    """The list reads no bodies; a page of it takes a fixed number of statements."""

    list_display = ("titled", "kind", "workspace", "shown_labels", "revision")
    list_filter = (filters.WorkspaceFilter, filters.LabelFilter, filters.KindFilter)
    search_fields = ("name", "namespace")
    search_help_text = "Part of a name or of a namespace."
    ordering = ("cluster", "group", "resource", "identity", "namespace", "name")
    sortable_by = ("titled", "revision")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Object]:
        """Everything but the bodies."""
        return Object.objects.defer("body")

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The list, with the workspaces' paths looked up at once."""
        response = super().changelist_view(request, {"title": "Objects", **(extra_context or {})})
        shown = getattr(response, "context_data", None)
        if shown and "cl" in shown:
            found = list(shown["cl"].result_list)
            paths = overview.paths({row.cluster for row in found})
            for row in found:
                row.path = paths.get(row.cluster, row.cluster)
        return response

    @admin.display(description="name", ordering="name")
    def titled(self, row: Object) -> SafeString:
        """Its name and, where it lies in one, its namespace."""
        namespace = (
            format_html(' <span class="kc-quiet">in {}</span>', row.namespace) if row.namespace else ""
        )
        return format_html("{}{}", row.name, namespace)

    @admin.display
    def kind(self, row: Object) -> str:
        """``resource.group``."""
        return f"{row.resource}.{row.group}" if row.group else row.resource

    @admin.display
    def workspace(self, row: Object) -> SafeString:
        """Its path, and the objects of that workspace behind it."""
        path_: str = getattr(row, "path", row.cluster)
        return format_html('<a href="?{}">{}</a>', urlencode({"workspace": path_}), path_)

    @admin.display(description="labels")
    def shown_labels(self, row: Object) -> SafeString:
        """The first few, each a link to what else carries it."""
        found = sorted(rows.parsed_labels(row.labels).items())
        links = format_html_join(
            " ",
            '<a class="kc-label" href="?{}">{}={}</a>',
            (
                (urlencode({"label": f"{key}={value}"}), key.rpartition("/")[2], value)
                for key, value in found[:_LABELS]
            ),
        )
        return format_html("{} +{}", links, len(found) - _LABELS) if len(found) > _LABELS else links

    def get_urls(self) -> list[Any]:
        """Besides Django's: an object by its key."""
        return [
            path("at/", self.admin_site.admin_view(self.at_view), name="workspaces_object_at"),
            *super().get_urls(),
        ]

    def at_view(self, request: HttpRequest) -> HttpResponse:
        """Redirect from a key to the object's page."""
        fields = ("cluster", "group", "resource", "identity", "namespace", "name")
        key = {field: request.GET.get(field, "") for field in fields}
        pk = Object.objects.filter(**key).values_list("pk", flat=True).first()
        if pk is None:
            raise Http404("There is no such object (any more).")
        return HttpResponseRedirect(reverse("admin:workspaces_object_change", args=[pk]))

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The object's page; a POST asks the API to replace the object by what was sent."""
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404("There is no such object (any more).")
        shown = objectpage.of(row, adminaccess.api_user(request.user))
        if request.method == "POST":
            return self._save(request, row, shown)
        return self._page(request, row, shown)

    def _save(self, request: HttpRequest, row: Object, shown: objectpage.ObjectPage) -> HttpResponse:
        if shown.descriptor is None:
            messages.error(request, f"Nothing was written: {shown.read_only}")
            return HttpResponseRedirect(request.path)
        text = request.POST.get("yaml", "")
        refusal = editing.save(adminaccess.api_user(request.user), shown.descriptor, shown.key, text)
        if refusal is not None:
            return self._page(request, row, shown, text=text, refusal=refusal)
        self.log_change(request, row, "Edited as YAML.")
        messages.success(request, f"{shown.kind} {row.name} was saved.")
        return HttpResponseRedirect(request.path)

    def _page(
        self, request: HttpRequest, row: Object, shown: objectpage.ObjectPage, **more: Any
    ) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": row.name,
            "subtitle": None,
            "opts": self.opts,
            "shown": shown,
            "text": shown.text,
            **more,
        }
        status = 422 if "refusal" in more else 200
        return TemplateResponse(request, "workspaces/object.html", context, status=status)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The change log stands on the object's page."""
        return HttpResponseRedirect(f"{reverse('admin:workspaces_object_change', args=[object_id])}#changes")
