"""What the steps of one pass over a CachedResource share."""

from __future__ import annotations

from dataclasses import dataclass

from kcpcache.apimachinery import conditions
from kcpcache.apimachinery.descriptor import Descriptor
from kcpcache.apimachinery.objects import JSONObject
from replication.replica.meta import Health
from replication.rows import Source

GROUP = "cache.kcp.io"
PLURAL = "cachedresources"
SLICES = "cachedresourceendpointslices"


@dataclass(slots=True)
class State:
    """A CachedResource as read, the status as it shall be, and what the steps found on the way."""

    cluster: str
    name: str
    obj: JSONObject
    status: JSONObject
    descriptor: Descriptor | None = None
    source: Source | None = None
    is_drifted: bool = False
    health: Health | None = None
    is_gone: bool = False

    @property
    def uid(self) -> str:
        """The CachedResource's uid, which names its replica."""
        return str(self.obj["metadata"]["uid"])

    @property
    def spec(self) -> JSONObject:
        """The CachedResource's spec."""
        found: JSONObject = self.obj["spec"]
        return found

    def condition(self, type: str, status: str, reason: str = "", message: str = "") -> None:
        """Set a condition of the status."""
        entries = self.status.setdefault("conditions", [])
        conditions.set_condition(
            entries, type, status, reason, message, self.obj["metadata"].get("generation")
        )
        entries.sort(key=lambda entry: str(entry["type"]))
