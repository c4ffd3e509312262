"""How controllers write what they observed."""

from __future__ import annotations

from kcpcache.apimachinery.objects import JSONObject
from workspaces.registry import client


def write(cluster: str, group: str, plural: str, obj: JSONObject, status: JSONObject) -> bool:
    """Store a status, if it is another than that of `obj`; whether it was.

    `obj` is the object as the pass read it: if it changed meanwhile, Conflict is raised and the pass is done again,
    so that a late pass never overwrites the result of a newer one.
    """
    if (obj.get("status") or {}) == status:
        return False
    wanted = {**obj, "status": status}
    client.update(
        cluster, group, plural, obj["metadata"]["name"], lambda _present: wanted, subresource="status"
    )
    return True
