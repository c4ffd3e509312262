"""Who may use ``/api/``: the users and groups of the Kubernetes API, by bearer token or, in a browser, by session."""

from __future__ import annotations

import rest_framework.authentication
import rest_framework.permissions
import rest_framework.request
from django.http import HttpRequest

from kcpcache.apiserver import authentication, authorization
from kcpcache.apiserver.exchange import User
from kcpcache.apiserver.requestinfo import RequestInfo


class BearerAuthentication(authentication.BearerAuthentication):
    """A bearer token, where one is sent."""

    def authenticate(self, request: rest_framework.request.Request) -> tuple[User, None] | None:  # type: ignore[override]
        """The user; None without credentials, so that a session may do; Unauthorized, Forbidden."""
        return super().authenticate(request) if "Authorization" in request.headers else None


class SessionAuthentication(rest_framework.authentication.SessionAuthentication):
    """The session of somebody who logged in to the admin; what changes anything needs the CSRF token."""

    def authenticate(self, request: rest_framework.request.Request) -> tuple[User, None] | None:
        """The same user, with their groups, that a token of theirs stands for."""
        account = getattr(request._request, "user", None)
        if account is None or not account.is_active:
            return None
        self.enforce_csrf(request)
        groups = tuple(account.groups.order_by("name").values_list("name", flat=True))
        user = User(account.get_username(), str(account.pk), (*groups, authentication.AUTHENTICATED))
        return user, None


class MayUse(rest_framework.permissions.IsAuthenticated):
    """The one decision point, asked about the path and the method."""

    def has_permission(self, request: rest_framework.request.Request, view: object) -> bool:
        """True; False without credentials; Forbidden with kube-apiserver's message."""
        if not super().has_permission(request, view):  # type: ignore[arg-type]
            return False
        return authorize(request._request, request.user)  # type: ignore[arg-type]


def authorize(request: HttpRequest, user: User) -> bool:
    """True, or Forbidden."""
    verb = (request.method or "").lower()
    authorization.authorize(user, RequestInfo(rest=request.path, verb=verb))
    return True
