"""The one decision point: may this user do this? Closed by default.

Members of `system:masters` may do everything. Members of `system:monitoring`, as in Kubernetes, may read figures and
nothing else. Nobody else may do anything, and whoever bears the controllers' name least of all.
"""

from __future__ import annotations

from kcpcache.apimachinery import errors, systemuser
from kcpcache.apiserver.exchange import User
from kcpcache.apiserver.requestinfo import RequestInfo

MASTERS = "system:masters"
MONITORING = "system:monitoring"
_MONITORING_PATHS = ("/metrics",)


def authorize(user: User, info: RequestInfo) -> None:
    """Return when `user` may do what `info` asks for; Forbidden with kube-apiserver's message otherwise."""
    if user.name == systemuser.NAME:
        raise _forbidden(user, info)
    if MASTERS in user.groups:
        return
    if MONITORING in user.groups and _is_monitoring(info):
        return
    raise _forbidden(user, info)


def allows(user: User, info: RequestInfo) -> bool:
    """Whether `authorize` would let this pass, for access reviews."""
    try:
        authorize(user, info)
    except errors.Forbidden:
        return False
    return True


def _is_monitoring(info: RequestInfo) -> bool:
    """Whether this reads figures: at the root, not in a workspace."""
    return info.verb == "get" and not info.prefix and not info.is_resource and info.rest in _MONITORING_PATHS


def _forbidden(user: User, info: RequestInfo) -> errors.Forbidden:
    if not info.is_resource:
        return errors.Forbidden(f'forbidden: User "{user.name}" cannot {info.verb} path "{info.rest}"')
    resource = f"{info.resource}/{info.subresource}" if info.subresource else info.resource
    where = f'in the namespace "{info.namespace}"' if info.namespace else "at the cluster scope"
    named = f'{info.qualified} "{info.name}"' if info.name else info.qualified
    return errors.Forbidden(
        f'{named} is forbidden: User "{user.name}" cannot {info.verb} resource "{resource}" '
        f'in API group "{info.group}" {where}',
        group=info.group,
        kind=info.resource,
        name=info.name,
    )
