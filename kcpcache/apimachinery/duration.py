"""Ages as kubectl shows them (k8s.io/apimachinery/pkg/util/duration)."""

from __future__ import annotations

import datetime

_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def human(seconds: float) -> str:
    """A duration in at most two units, the coarser the longer it is: ``5m``, ``3d4h``, ``2y30d``."""
    if seconds <= -2:
        return "<invalid>"
    total = max(int(seconds), 0)
    minutes, hours, days = total // _MINUTE, total // _HOUR, total // _DAY
    if total < 2 * _MINUTE:
        return f"{total}s"
    if minutes < 10:
        return _two(minutes, "m", total % _MINUTE, "s")
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return _two(hours, "h", minutes % 60, "m")
    if hours < 48:
        return f"{hours}h"
    if hours < 24 * 8:
        return _two(days, "d", hours % 24, "h")
    if hours < 24 * 365 * 2:
        return f"{days}d"
    if hours < 24 * 365 * 8:
        return _two(days // 365, "y", days % 365, "d")
    return f"{days // 365}y"


def age(timestamp: str | None, now: datetime.datetime) -> str:
    """How long ago an RFC 3339 timestamp was; as kubectl, ``<unknown>`` for none, ``<invalid>`` for nonsense."""
    if not timestamp:
        return "<unknown>"
    try:
        moment = datetime.datetime.fromisoformat(timestamp)
    except ValueError:
        return "<invalid>"
    if moment.tzinfo is None:
        return "<invalid>"
    return human((now - moment).total_seconds())


def _two(large: int, large_unit: str, small: int, small_unit: str) -> str:
    return f"{large}{large_unit}{small}{small_unit}" if small else f"{large}{large_unit}"
