"""Counts of what may be tried a few times a minute only, shared by all processes.

An attempt is counted before it is made, so that many at once cannot pass together; one that succeeds is taken back.
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Iterable

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from workspaces.models import Attempts

LIMIT = 5
WINDOW_SECONDS = 60.0


def reserve(*subjects: str) -> float:
    """Count an attempt for each subject, 0.0; or the seconds to wait, with nothing counted, where one has none left."""
    now = timezone.now()
    window = datetime.timedelta(seconds=WINDOW_SECONDS)
    keys = _keys(subjects)
    with transaction.atomic():
        Attempts.objects.bulk_create(
            [Attempts(subject=key, since=now) for key in keys], ignore_conflicts=True
        )
        rows = list(Attempts.objects.select_for_update().filter(subject__in=keys).order_by("subject"))
        for row in rows:
            if abs(now - row.since) >= window:  # also where a clock was put back
                row.since, row.count = now, 0
        ends = [row.since + window for row in rows if row.count >= LIMIT]
        if ends:
            return max(1.0, (max(ends) - now).total_seconds())
        for row in rows:
            row.count += 1
        Attempts.objects.bulk_update(rows, ["since", "count"])
        Attempts.objects.filter(since__lt=now - window).exclude(subject__in=keys).delete()
    return 0.0


def take_back(*subjects: str) -> None:
    """An attempt was none after all."""
    Attempts.objects.filter(subject__in=_keys(subjects), count__gt=0).update(count=F("count") - 1)


def forget(*subjects: str) -> None:
    """Begin anew for some subjects."""
    Attempts.objects.filter(subject__in=_keys(subjects)).delete()


def _keys(subjects: Iterable[str]) -> list[str]:
    return sorted(
        {hashlib.sha256(subject.encode("utf-8", "surrogatepass")).hexdigest() for subject in subjects}
    )
