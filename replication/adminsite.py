"""The admin's site: who may enter, what comes first, and what its pages may load."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path, reverse

from workspaces import adminaccess, passwords

# Nothing from other hosts, and nothing inline: a page can do no more than the files that come with it.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

View = Callable[..., Any]


class Site(admin.AdminSite):
    """Django's admin, with the dashboard as its first page."""

    site_header = "kcpcache"
    site_title = "kcpcache"
    index_title = "Dashboard"
    site_url = None

    def has_permission(self, request: HttpRequest) -> bool:
        """See `adminaccess.may_use`."""
        return adminaccess.may_use(request.user)

    def get_urls(self) -> list[Any]:
        """The pages about replication, then Django's."""
        from replication.admin import cachedresources, consumers, dashboard

        return [
            path("status/", self.admin_view(dashboard.status), name="status"),
            path("cachedresources/", self.admin_view(cachedresources.index), name="cachedresources"),
            path(
                "cachedresources/<str:cluster>/<str:name>/",
                self.admin_view(cachedresources.page),
                name="cachedresource",
            ),
            path("consumers/", self.admin_view(consumers.index), name="consumers"),
            *super().get_urls(),
        ]

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """The dashboard."""
        from replication.admin import dashboard

        return dashboard.page(request)

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """The pages about replication first; what nobody may see is left out."""
        found = super().get_app_list(request, app_label)
        if app_label or not self.has_permission(request):
            return found
        first_page = reverse("admin:index")
        entries = [
            # The address of the first page begins that of all others, which would all be marked as the current one.
            ("Dashboard", first_page if request.path == first_page else f"{first_page}?"),
            ("CachedResources", reverse("admin:cachedresources")),
            ("Consumers", reverse("admin:consumers")),
        ]
        models: list[dict[str, Any]] = [
            {
                "name": name,
                "object_name": name,
                "admin_url": url,
                "add_url": None,
                "view_only": True,
                "perms": {},
            }
            for name, url in entries
        ]
        first = {
            "name": "Replication",
            "app_label": "replication",
            "app_url": reverse("admin:cachedresources"),
            "has_module_perms": True,
            "models": models,
        }
        return [first, *sorted(found, key=lambda app: str(app["app_label"]) != "workspaces")]

    def admin_view(self, view: View, cacheable: bool = False) -> Any:
        """Also says what a page may load."""
        return _with_policy(super().admin_view(view, cacheable))

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The form, under the same policy; 429 after too many passwords."""
        try:
            response = super().login(request, extra_context)
        except passwords.TooManyAttempts as refused:
            response = self._too_many_attempts(request, refused)
        if request.method == "POST" and response.status_code == 302:  # the password was right
            passwords.remember_browser(request, response, request.user.get_username())
        restricted: HttpResponse = _restricted(response)
        return restricted

    def _too_many_attempts(self, request: HttpRequest, refused: passwords.TooManyAttempts) -> HttpResponse:
        wait_seconds = math.ceil(refused.wait_seconds)
        context = {**self.each_context(request), "title": "Too many attempts", "wait_seconds": wait_seconds}
        response = TemplateResponse(request, "workspaces/too_many_attempts.html", context, status=429)
        response.headers["Retry-After"] = str(wait_seconds)
        return response


def _with_policy(view: View) -> View:
    @wraps(view)
    def restricted(*args: Any, **kwargs: Any) -> Any:
        return _restricted(view(*args, **kwargs))

    return restricted


def _restricted(response: Any) -> Any:
    response.headers.setdefault("Content-Security-Policy", _POLICY)
    return response
