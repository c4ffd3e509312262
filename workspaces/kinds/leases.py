"""Leases: who holds what, and since when."""

from __future__ import annotations

from kcpcache.apimachinery.errors import Cause
from kcpcache.apimachinery.objects import JSONObject
from workspaces.kinds import kind, microtimes
from workspaces.registry.strategy import Context, Strategy


class LeaseStrategy(Strategy):
    """A kind without generation, whose times are MicroTimes."""

    has_generation = False

    def validate(self, context: Context, obj: JSONObject) -> list[Cause]:
        """See `Strategy`."""
        return microtimes.causes(obj.get("spec"), "spec.", ("acquireTime", "renewTime"))


LEASES = kind.load("leases.coordination.k8s.io", LeaseStrategy())
