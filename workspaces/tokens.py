"""Bearer tokens: shown once when they are made, known afterwards by their hash only."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from datetime import datetime

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db import transaction
from django.utils import timezone

from workspaces.models import Token

PREFIX = "kcpcache-"  # lets scanners of repositories recognise a token that leaked


def digest(token: str) -> str:
    """The lower-case hex SHA-256 under which a token is stored. 256 random bits need no salt."""
    return hashlib.sha256(token.encode()).hexdigest()


@transaction.atomic
def create(user: str, groups: Iterable[str], expires: datetime | None, *, description: str = "") -> str:
    """Make a token for a user, who is made if there is none and put into the groups; the plain text of it."""
    account, made = get_user_model().objects.get_or_create(username=user)
    if made:
        account.set_unusable_password()
        account.save(update_fields=["password"])
    account.groups.add(*(Group.objects.get_or_create(name=name)[0] for name in groups))
    token = PREFIX + secrets.token_urlsafe(32)
    Token.objects.create(digest=digest(token), user=account, expires=expires, description=description)
    return token


def groups_of(user: str) -> list[str]:
    """The names of the groups that a user is in, sorted; none for nobody."""
    return list(Group.objects.filter(user__username=user).order_by("name").values_list("name", flat=True))


def find(token: str) -> Token | None:
    """The stored token with its user, or None if nobody issued it, it expired or its user is inactive."""
    found = Token.objects.select_related("user").filter(digest=digest(token), user__is_active=True).first()
    if found is None or (found.expires is not None and found.expires <= timezone.now()):
        return None
    return found


def revoke(digest: str) -> bool:
    """Have a stored token be refused from now on; whether there was one. Processes remember users for seconds."""
    return bool(Token.objects.filter(digest=digest).delete()[0])
