"""Conditions in a status: what was observed, one entry a type."""

from __future__ import annotations

from kcpcache.apimachinery import errors, objects
from kcpcache.apimachinery.objects import JSONObject

_MAX_MESSAGE_CHARS = 32_765  # and three dots: `metav1.Condition` allows 32,768

# Types that tell of something bad when they are True: ours, those of Kubernetes' own kinds, and what others call it.
_TELL_OF_TROUBLE = frozenset(
    (
        "Drifted",
        "Terminating",
        "NonStructuralSchema",
        "NamespaceDeletionDiscoveryFailure",
        "NamespaceDeletionGroupVersionParsingFailure",
        "NamespaceDeletionContentFailure",
        "NamespaceContentRemaining",
        "NamespaceFinalizersRemaining",
        "Degraded",
        "Failed",
        "Failure",
        "Stalled",
    )
)


def is_good(condition: JSONObject) -> bool | None:
    """Whether a condition says that something is as it should be; None when it is unknown."""
    status = condition.get("status")
    if status not in ("True", "False"):
        return None
    tells_of_trouble = condition.get("type") in _TELL_OF_TROUBLE
    return tells_of_trouble if status == "False" else not tells_of_trouble


def set_condition(
    conditions: list[JSONObject],
    type: str,
    status: str,
    reason: str,
    message: str,
    generation: int | None = None,
    now: str | None = None,
) -> bool:
    """Set one condition (in place) and say whether anything changed.

    Args:
        conditions: the list in the status.
        status: ``True``, ``False`` or ``Unknown``.
        reason: one word in CamelCase, or empty.
        message: a sentence for people, or empty.
        generation: `metadata.generation` that this is about, None where the kind has no such field.
        now: a timestamp as in objects; `lastTransitionTime` becomes it if `status` changes.
    """
    message = errors.cut(message, _MAX_MESSAGE_CHARS)
    wanted: JSONObject = {"type": type, "status": status}
    wanted |= {name: value for name, value in (("reason", reason), ("message", message)) if value}
    if generation is not None:
        wanted["observedGeneration"] = generation
    found = find(conditions, type)
    if found is None:
        conditions.append({**wanted, "lastTransitionTime": now or objects.timestamp()})
        return True
    is_transition = found.get("status") != status
    wanted["lastTransitionTime"] = (
        (now or objects.timestamp()) if is_transition else found["lastTransitionTime"]
    )
    if found == wanted:
        return False
    found.clear()
    found.update(wanted)
    return True


def find(conditions: list[JSONObject], type: str) -> JSONObject | None:
    """The condition of a type."""
    return next((condition for condition in conditions if condition.get("type") == type), None)


def of(obj: JSONObject, type: str) -> JSONObject | None:
    """The condition of a type in an object's status."""
    return find((obj.get("status") or {}).get("conditions") or [], type)


def is_true(obj: JSONObject, type: str) -> bool:
    """Whether an object has a condition, and it is True."""
    condition = of(obj, type)
    return condition is not None and condition.get("status") == "True"
