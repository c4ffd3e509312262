"""`metav1.MicroTime`: the fields whose times Go reads only with exactly six digits of a second."""

from __future__ import annotations

from collections.abc import Iterable

from kcpcache.apimachinery import field
from kcpcache.apimachinery.errors import Cause
from kcpcache.apimachinery.objects import JSONObject
from kcpcache.apimachinery.schema import formats

_WANTED = 'must be a time in RFC 3339 with six decimals of a second, such as "2006-01-02T15:04:05.000000Z"'


def causes(parent: JSONObject | None, path: str, names: Iterable[str]) -> list[Cause]:
    """What is wrong with the fields `names` of `parent`, which lies at `path` (``spec.``, or empty).

    One that is stored in another form would break every client in Go that lists the kind.
    """
    stated = [(name, parent[name]) for name in names if parent.get(name) is not None] if parent else []
    return [
        field.invalid(f"{path}{name}", value, _WANTED)
        for name, value in stated
        if not formats.is_micro_time(value)
    ]
