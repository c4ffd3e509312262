"""For whom commands make tokens: which names they may have, and whether those let them do anything."""

from __future__ import annotations

from collections.abc import Iterable

from kcpcache.apiserver import authorization
from workspaces.management.operator import UsageError

RIGHTS = f"""Rights come from groups alone: members of {authorization.MASTERS} may do everything in every workspace,
members of {authorization.MONITORING} may read /metrics, and nobody else may do anything."""

_RESERVED = "system:"
_MEANT_FOR_PEOPLE = (authorization.MASTERS, authorization.MONITORING)
_LONGEST = 150  # characters, of what Django stores


def check(user: str, groups: Iterable[str]) -> None:
    """UsageError when a token must not be made for a user of this name, or in these groups.

    Names that begin with ``system:`` are the system's own, but for the groups that give rights.
    """
    if not user.strip() or len(user) > _LONGEST:
        raise UsageError(f"The user's name must have 1 to {_LONGEST} characters.")
    if user.startswith(_RESERVED):
        raise UsageError(f"The user's name {user} is reserved for the system.")
    for group in groups:
        if not group.strip() or len(group) > _LONGEST:
            raise UsageError(f"A group's name must have 1 to {_LONGEST} characters.")
        if group.startswith(_RESERVED) and group not in _MEANT_FOR_PEOPLE:
            raise UsageError(
                f"The group {group} is reserved for the system; {' and '.join(_MEANT_FOR_PEOPLE)} are not."
            )


def warning(user: str, groups: Iterable[str]) -> str:
    """What to say when a user's groups let them do nothing; empty when they do."""
    if set(groups) & set(_MEANT_FOR_PEOPLE):
        return ""
    return f"{user} may do nothing: give --group {authorization.MASTERS} or {authorization.MONITORING}."
