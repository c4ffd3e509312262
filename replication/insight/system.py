"""Whether the parts of the system are well, each asked for a moment only; nothing here ever raises."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, TimeoutError

from django.db import connections

from replication.insight import databasechecks, hostchecks, processchecks, redischecks
from replication.insight.check import Check
from replication.replica import connection

__all__ = ["Check", "checks", "is_safe_to_restart"]

_PATIENCE_SECONDS = 1.5  # for all together: they are asked at once

_CHECKS: dict[str, Callable[[], Check]] = {
    "settings": hostchecks.settings_,
    "database": databasechecks.database,
    "migrations": databasechecks.migrations,
    "encryption keys": databasechecks.encryption_keys,
    "redis": redischecks.redis,
    "eviction policy": redischecks.eviction_policy,
    "persistence": redischecks.persistence,
    "broker": redischecks.broker,
    "workers": processchecks.workers_,
    "beat": processchecks.beat,
    "clock": hostchecks.clock,
    "certificate": hostchecks.certificate,
    "disk space": hostchecks.disk_space,
}
_REMEDY = "See that the server answers and that the network to it is well."


def checks() -> list[Check]:
    """The verdict about each part, in a fixed order; a part that does not answer in time is not well."""
    return _run(_CHECKS)


def is_safe_to_restart() -> Check:
    """Whether web, workers and beat may be stopped and started now without anybody noticing more than a pause.

    Nothing that was acknowledged is lost by a restart at any time; this says when it would take long to recover.
    """
    (verdict,) = _run({"restart": processchecks.restart})
    return verdict


def _run(wanted: dict[str, Callable[[], Check]]) -> list[Check]:
    pool = ThreadPoolExecutor(max_workers=4, thread_name_prefix="checks")
    asked = {name: pool.submit(_asked, check) for name, check in wanted.items()}
    ends_at = time.monotonic() + _PATIENCE_SECONDS
    found = [_answer(name, future, ends_at - time.monotonic()) for name, future in asked.items()]
    pool.shutdown(wait=False, cancel_futures=True)
    return found


def _asked(check: Callable[[], Check]) -> Check:
    try:
        return check()
    finally:
        connections.close_all()  # this thread's


def _answer(name: str, future: Future[Check], patience_seconds: float) -> Check:
    try:
        return future.result(max(0.0, patience_seconds))
    except TimeoutError:
        return Check(name, False, f"No answer within {_PATIENCE_SECONDS:g} s.", _REMEDY)
    except connection.Error:
        return Check(name, False, "Nobody knows: Redis does not answer.", "See the check of redis.")
    except Exception as error:  # whatever a part does, the others are still shown
        return Check(name, False, f"{type(error).__name__}: {_one_line(error)}.", _REMEDY)


def _one_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].strip().rstrip(".") if lines else "no details"
