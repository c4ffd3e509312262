"""Whether Secrets at rest can still be opened with the keys that are configured."""

from __future__ import annotations

from dataclasses import dataclass

from kcpcache.apimachinery import errors
from workspaces.store import connecting, encryption


@dataclass(frozen=True, slots=True)
class Trial:
    """How many Secrets were tried, and how many of them none of the keys opens."""

    tried: int
    unreadable: int


def can_open(body: bytes) -> bool:
    """Whether one of the configured keys made a ciphertext."""
    try:
        encryption.decrypt(body)
    except errors.InternalError:
        return False
    return True


def trial(limit: int) -> Trial:
    """Try to open stored Secrets, at most `limit`: the half written longest ago and the half written last.

    A ciphertext does not say which key made it. A former key is needed by what was written longest ago; what was
    written last may be by a process with other keys than this one.
    """
    resources = sorted(encryption.secret_resources())
    is_one = " OR ".join(["(\"group\" = %s AND resource = %s AND identity = '')"] * len(resources))
    secrets = f"SELECT id, body FROM workspaces_object WHERE {is_one}"  # noqa: S608 - constants and a count
    parameters = [name for resource in resources for name in resource]
    found: dict[int, bytes] = {}
    with connecting.usable().cursor() as cursor:
        for order, count in (("ASC", (limit + 1) // 2), ("DESC", limit // 2)):
            cursor.execute(f"{secrets} ORDER BY revision {order} LIMIT %s", [*parameters, count])
            found |= {id: bytes(body) for id, body in cursor.fetchall()}
    return Trial(len(found), sum(not can_open(body) for body in found.values()))
