"""What must exist before anything else: the root workspace, its types, and somebody who may do everything."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db import transaction

from kcpcache.apimachinery.objects import JSONObject
from workspaces.controllers import tenancy as controller
from workspaces.kinds.tenancy import PATH_ANNOTATION, TYPE_ANNOTATION
from workspaces.models import Token
from workspaces.store import tenants

ROOT = "root"
ADMIN = "kcp-admin"
ADMIN_GROUP = "system:masters"
NO_PASSWORD_YET = ""  # lets nobody in, and differs from one that was made unusable

_TYPES = (
    (
        "root",
        {
            "limitAllowedParents": {"none": True},
            "defaultChildWorkspaceType": {"name": "universal", "path": ROOT},
        },
    ),
    ("universal", {"defaultChildWorkspaceType": {"name": "universal", "path": ROOT}}),
    (
        "organization",
        {
            "limitAllowedParents": {"types": [{"name": "root", "path": ROOT}]},
            "defaultChildWorkspaceType": {"name": "universal", "path": ROOT},
        },
    ),
    (
        "team",
        {
            "limitAllowedParents": {
                "types": [{"name": "organization", "path": ROOT}, {"name": "team", "path": ROOT}]
            },
            "defaultChildWorkspaceType": {"name": "universal", "path": ROOT},
        },
    ),
)


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """What `ensure` found: the administrator's user name, and whether a token must be made for them."""

    admin: str
    needs_token: bool


def ensure() -> Bootstrap:
    """Make what is missing; again is fine, and so is doing it twice at once."""
    tenants.add(ROOT, ROOT, parent=None, name=ROOT)
    controller.prepare_namespaces(ROOT)
    for name, spec in _TYPES:
        _make("tenancy.kcp.io", "workspacetypes", {"metadata": {"name": name}, "spec": spec})
    annotations = {PATH_ANNOTATION: ROOT, TYPE_ANNOTATION: f"{ROOT}:{ROOT}"}
    _make(
        "core.kcp.io",
        "logicalclusters",
        {"metadata": {"name": "cluster", "annotations": annotations}, "spec": {}},
    )
    url = settings.KCPCACHE_EXTERNAL_URL
    shard = {"baseURL": url, "externalURL": url, "virtualWorkspaceURL": url}
    _make("core.kcp.io", "shards", {"metadata": {"name": settings.KCPCACHE_SHARD}, "spec": shard})
    return Bootstrap(admin=ADMIN, needs_token=_ensure_admin())


def _make(group: str, plural: str, obj: JSONObject) -> None:
    controller.make_if_missing(ROOT, group, plural, obj)


@transaction.atomic
def _ensure_admin() -> bool:
    """Make the administrator, with no password yet; whether they have no token yet.

    One who is there is left as they are: who was disabled, or taken out of the group, stays so.
    """
    user, is_new = get_user_model().objects.get_or_create(
        username=ADMIN, defaults={"is_staff": True, "is_superuser": True, "password": NO_PASSWORD_YET}
    )
    if is_new:
        user.groups.add(Group.objects.get_or_create(name=ADMIN_GROUP)[0])
    return not Token.objects.filter(user=user).exists()
