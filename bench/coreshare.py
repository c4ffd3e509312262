"""A share of one core for a process and all that it starts, by the kernel's control groups (Linux, as root).

With it a small machine can show what more workers bring: each is given so little that the cores do not end.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from bench.instance import NotReady

_PERIOD_MICROSECONDS = 10_000
_ROOTS = (Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/cpu"))


@contextlib.contextmanager
def of_a_core(share: float, process_id: int) -> Iterator[None]:
    """Limit a process to a share of one core (0.25 is a quarter) until the block ends; it must have ended by then.

    Raises NotReady where this machine, or this user, cannot limit it.
    """
    quota = max(int(share * _PERIOD_MICROSECONDS), 1_000)  # the kernel's least
    try:
        group = _group(process_id, quota)
        (group / "cgroup.procs").write_text(str(process_id))
    except OSError as error:
        raise NotReady(f"--core-share needs control groups that this user may make: {error}.") from None
    try:
        yield
    finally:
        with contextlib.suppress(
            OSError
        ):  # something of it still runs: the group is empty soon, and harmless
            group.rmdir()


def _group(process_id: int, quota: int) -> Path:
    """A new group with its limit, of the second or the first version of control groups."""
    unified, cpu = _ROOTS
    first = (cpu / "cpu.cfs_quota_us").is_file()
    group = (cpu if first else unified) / f"kcpcache-bench-{process_id}"
    group.mkdir()
    if first:
        (group / "cpu.cfs_period_us").write_text(str(_PERIOD_MICROSECONDS))
        (group / "cpu.cfs_quota_us").write_text(str(quota))
    else:
        (group / "cpu.max").write_text(f"{quota} {_PERIOD_MICROSECONDS}")
    return group
