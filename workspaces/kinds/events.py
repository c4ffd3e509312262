"""Events: short-lived reports about other objects."""

from __future__ import annotations

from kcpcache.apimachinery import field, objects
from kcpcache.apimachinery.errors import Cause
from kcpcache.apimachinery.objects import JSONObject
from workspaces.kinds import kind, microtimes
from workspaces.registry.strategy import Context, Strategy

_MISMATCH = "does not match event.namespace"


class EventStrategy(Strategy):
    """An Event lies in the namespace of what it is about, or in ``default`` for what has none."""

    has_generation = False

    def validate(self, context: Context, obj: JSONObject) -> list[Cause]:
        """As kube-apiserver's `ValidateEventCreate` for core/v1: new-style Events have an eventTime."""
        namespace = objects.metadata(obj).get("namespace") or ""
        involved = (obj.get("involvedObject") or {}).get("namespace") or ""
        causes = []
        if namespace != involved if involved else namespace != "default":
            causes.append(field.invalid("involvedObject.namespace", involved, _MISMATCH))
        if obj.get("eventTime"):
            wanted = ("reportingComponent", "reportingInstance", "action", "reason")
            causes += [field.required(name) for name in wanted if not obj.get(name)]
        causes += microtimes.causes(obj, "", ("eventTime",))
        return causes + microtimes.causes(obj.get("series"), "series.", ("lastObservedTime",))


EVENTS = kind.load(
    "events",
    EventStrategy(),
    selectable_fields=(
        *(
            f"involvedObject.{name}"
            for name in ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")
        ),
        "reason",
        "reportingComponent",
        "type",
    ),
)
