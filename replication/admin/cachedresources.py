"""CachedResources: all of them with filters, and the page of each."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from kcpcache.apimachinery import errors, labels
from kcpcache.apimachinery.objects import JSONObject
from replication.admin import actions
from replication.controllers.state import GROUP, PLURAL
from replication.insight import consumers, health
from replication.insight.health import Health
from workspaces.registry import client
from workspaces.store import inspection

_ROWS = 100
_VERIFIED = 10  # at once, while somebody waits
PHASES = ("Ready", "Initializing", "Deleting")


def index(request: HttpRequest) -> HttpResponse:
    """The list; a POST asks for an action on the selected ones."""
    found = health.all(request.GET.get("workspace", "").strip())
    if request.method == "POST":
        _act(request, found)
        return HttpResponseRedirect(request.get_full_path())
    shown = _filtered(request, found)
    rows = Paginator(shown, _ROWS).get_page(request.GET.get("page"))
    context = {
        **admin.site.each_context(request),
        "title": "CachedResources",
        "rows": rows,
        "phases": PHASES,
        "chosen": request.GET,
        "others": {name: value for name, value in request.GET.items() if name != "page"},
    }
    return TemplateResponse(request, "replication/cachedresources.html", context)


def page(request: HttpRequest, cluster: str, name: str) -> HttpResponse:
    """One CachedResource; a POST asks for an action on it."""
    found = health.one(cluster, name)
    obj = client.get(cluster, GROUP, PLURAL, name)
    if found is None or obj is None:
        raise Http404("There is no such CachedResource (any more).")
    report = None
    if request.method == "POST":
        action = actions.ACTIONS.get(request.POST.get("action", ""))
        report = action(request, found) if action else None
        if report is None:
            return HttpResponseRedirect(request.path)
        found = health.one(cluster, name) or found
    context = {
        **admin.site.each_context(request),
        "title": name,
        "health": found,
        "report": report,
        "consumers": consumers.of(found),
        "identity_hash": (obj.get("status") or {}).get("identityHash") or "",
        "selector": _selector(obj),
        "events": inspection.events_about(cluster, "", name, found.uid),
    }
    return TemplateResponse(request, "replication/cachedresource.html", context)


def _act(request: HttpRequest, found: list[Health]) -> None:
    action = actions.ACTIONS.get(request.POST.get("action", ""))
    chosen = set(request.POST.getlist("chosen"))
    selected = [each for each in found if each.uid in chosen]
    if action is None or not selected:
        messages.warning(request, "Choose CachedResources, and what is to be done.")
        return
    at_once = _VERIFIED if action is actions.verify else _ROWS
    for each in selected[:at_once]:
        action(request, each)
    if len(selected) > at_once:
        messages.warning(request, f"Only the first {at_once} were looked at.")


def _filtered(request: HttpRequest, found: list[Health]) -> list[Health]:
    """What the filters keep; a selector that cannot be read keeps nothing, and says why."""
    phase, text, label, state = (
        request.GET.get(name, "").strip() for name in ("phase", "q", "label", "state")
    )
    try:
        matches = labels.parse(label).matches
    except errors.APIError as error:
        messages.warning(request, f"The labels {label!r} cannot be read: {error.message}")
        return []
    return [
        each
        for each in found
        if (not phase or each.phase == phase)
        and (not text or text in each.name or text in each.resource or text in each.group)
        and (not state or (state == "wrong") == bool(each.problems))
        and matches(each.labels)
    ]


def _selector(obj: JSONObject) -> str:
    selector: Any = (obj.get("spec") or {}).get("labelSelector")
    return str(labels.from_label_selector(selector)) if selector else ""
