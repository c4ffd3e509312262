"""An instance without requests is at rest."""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import Any

import pytest
from django.conf import settings

from tests.faults import redisserver, stage
from tests.faults.recorder import Recorder
from tests.servers import Server
from tests.waiting import until

pytestmark = pytest.mark.e2e

REST_SECONDS = 10.0
_MESSAGE = re.compile(r'"LPUSH".*?\\"task\\": ?\\"([\w.]+)\\"')
# What replicas hold. Audits take leases, and move what is at rest to the end of the log.
_WRITING = re.compile(
    r'"(?:HSET|XADD|XTRIM|ZADD|HDEL|ZREM|UNLINK|DEL)" "kcpcache:\{[^}]*\}:(?:\d+:)?(?:objects|index|stream)"',
    re.IGNORECASE,
)


def test_nothing_moves_and_no_task_repeats_itself(victim: Server, recorder: Recorder) -> None:
    scene = stage.build(victim, recorder, 20)
    recorder.background.run(scene.writer().repeat(20))
    scene.settle()
    path = redisserver.socket_path(victim)
    until(
        lambda: _is_at_rest(redisserver.commands(path, 4.0)), timeout_seconds=30, what="the work to be done"
    )
    before = recorder.read(scene.source_path).revision
    heard = redisserver.commands(path, REST_SECONDS)
    assert recorder.read(scene.source_path).revision == before
    tasks = _tasks(heard)
    assert tasks["replication.tasks.sweep"], "nothing was heard"
    assert tasks <= on_the_clock(REST_SECONDS)
    assert not [line for line in heard if _WRITING.search(line)]


def _is_at_rest(heard: list[str]) -> bool:
    return _tasks(heard) <= on_the_clock(4.0) and not any(map(_WRITING.search, heard))


def on_the_clock(seconds: float) -> Counter[str]:
    """How often beat may send each of its tasks in some time."""
    schedule: list[dict[str, Any]] = list(settings.CELERY_BEAT_SCHEDULE.values())
    return Counter({each["task"]: 1 + math.ceil(seconds / each["schedule"]) for each in schedule})


def _tasks(heard: list[str]) -> Counter[str]:
    return Counter(match[1] for line in heard if (match := _MESSAGE.search(line)))
