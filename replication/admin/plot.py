"""The lag of the last hour as a drawing: numbers in, coordinates out; the template is only markup."""

from __future__ import annotations

import datetime
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from replication.replica.samples import INTERVAL_SECONDS, KEPT_SECONDS, Sample

WIDTH, HEIGHT = 600, 150  # of the drawing, in its own units
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 12, 10, 24
_GAP_SECONDS = 4 * INTERVAL_SECONDS  # without samples for longer, nobody was there to take them
_LEAST_SECONDS = 1.0  # the scale's end when there was no lag


@dataclass(frozen=True, slots=True)
class Mark:
    """A line of the grid with its text."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Gap:
    """A time without samples."""

    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Plot:
    """A drawing of `WIDTH` by `HEIGHT`. `lines` are points of polylines, `areas` the same down to the axis."""

    lines: list[str]
    areas: list[str]
    gaps: list[Gap]
    rows: list[Mark]
    columns: list[Mark]
    summary: str
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT
    right: int = WIDTH - _RIGHT
    top: int = _TOP
    bottom: int = HEIGHT - _BOTTOM
    depth: int = HEIGHT - _BOTTOM - _TOP


def draw(samples: Sequence[Sample], now: float) -> Plot:
    """The samples of the hour before `now` (seconds since 1970), the oldest first."""
    top = _scale(max((sample.lag_seconds for sample in samples), default=0.0))
    parts = _parts(samples)
    lines = [" ".join(f"{_x(s.at, now):.1f},{_y(s.lag_seconds, top):.1f}" for s in part) for part in parts]
    base = HEIGHT - _BOTTOM
    areas = [
        f"{_x(part[0].at, now):.1f},{base} {line} {_x(part[-1].at, now):.1f},{base}"
        for part, line in zip(parts, lines, strict=True)
    ]
    minutes = (60, 45, 30, 15, 0)
    return Plot(
        lines=lines,
        areas=areas,
        gaps=_gaps(parts, now),
        rows=[Mark(_y(top * part, top), duration(top * part)) for part in (0.0, 0.5, 1.0)],
        columns=[Mark(_x(now - 60 * each, now), f"-{each} min" if each else "now") for each in minutes],
        summary=_summary(samples),
    )


def duration(seconds: float) -> str:
    """A short text for a lag."""
    if seconds < 0.0005:
        return "0 s"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 120:
        return f"{seconds:.3g} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _parts(samples: Sequence[Sample]) -> list[list[Sample]]:
    """Runs of samples without a gap."""
    parts: list[list[Sample]] = []
    for sample in samples:
        if parts and sample.at - parts[-1][-1].at <= _GAP_SECONDS:
            parts[-1].append(sample)
        else:
            parts.append([sample])
    return parts


def _gaps(parts: Sequence[Sequence[Sample]], now: float) -> list[Gap]:
    ends = [(before[-1].at, after[0].at) for before, after in itertools.pairwise(parts)]
    return [Gap(_x(start, now), _x(end, now) - _x(start, now)) for start, end in ends]


def _scale(highest: float) -> float:
    """The next of 1, 2, 5, 10, 20, … seconds."""
    wanted = max(highest, _LEAST_SECONDS)
    magnitude = 10.0 ** math.floor(math.log10(wanted))
    return next(magnitude * step for step in (1, 2, 5, 10) if magnitude * step >= wanted)


def _x(at: float, now: float) -> float:
    return _LEFT + (WIDTH - _LEFT - _RIGHT) * (1 - min(max(now - at, 0.0), KEPT_SECONDS) / KEPT_SECONDS)


def _y(seconds: float, top: float) -> float:
    return _TOP + (HEIGHT - _TOP - _BOTTOM) * (1 - min(seconds / top, 1.0))


def _summary(samples: Sequence[Sample]) -> str:
    if not samples:
        return "There are no samples yet."
    worst = max(samples, key=lambda sample: sample.lag_seconds)
    when = datetime.datetime.fromtimestamp(worst.at, datetime.UTC)
    return (
        f"Now {duration(samples[-1].lag_seconds)}; the highest of the last hour was "
        f"{duration(worst.lag_seconds)} at {when:%H:%M:%S} UTC."
    )
