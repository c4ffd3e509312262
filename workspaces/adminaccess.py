"""Who may use the admin: staff whom the API's own decision point lets do everything. Nobody else sees anything."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

from kcpcache.apiserver import authorization
from kcpcache.apiserver.exchange import User
from kcpcache.apiserver.requestinfo import RequestInfo

_ADMIN = RequestInfo(rest="/admin/", verb="get")


def api_user(account: Any) -> User:
    """An account of Django's as the API sees it; its groups are read once a request."""
    known: User | None = getattr(account, "_api_user", None)
    if known is None:
        groups = (*account.groups.order_by("name").values_list("name", flat=True), "system:authenticated")
        known = User(name=account.get_username(), uid=str(account.pk), groups=groups)
        account._api_user = known
    return known


def may_use(account: AbstractBaseUser | AnonymousUser | Any) -> bool:
    """Whether an account may use the admin; being a superuser of Django's counts for nothing."""
    if not (account.is_active and getattr(account, "is_staff", False)):
        return False
    return authorization.allows(api_user(account), _ADMIN)
