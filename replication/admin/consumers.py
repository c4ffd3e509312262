"""Who consumes what: every APIBinding, with the revision at which it is served."""

from __future__ import annotations

from django.contrib import admin
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from replication.insight import consumers

_ROWS = 100


def index(request: HttpRequest) -> HttpResponse:
    """The list."""
    text, state = request.GET.get("q", "").strip(), request.GET.get("state", "")
    found = [
        each
        for each in consumers.all(request.GET.get("workspace", "").strip())
        if (not text or any(text in part for part in (each.binding, each.export, each.provider_workspace)))
        and (not state or (state == "wrong") != each.is_ready)
    ]
    context = {
        **admin.site.each_context(request),
        "title": "Consumers",
        "rows": Paginator(found, _ROWS).get_page(request.GET.get("page")),
        "chosen": request.GET,
        "others": {name: value for name, value in request.GET.items() if name != "page"},
    }
    return TemplateResponse(request, "replication/consumers.html", context)
