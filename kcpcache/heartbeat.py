"""A file that a Celery worker or beat touches while it does its work, and the health check that looks at its age.

The file is named by KCPCACHE_HEARTBEAT_FILE; without it nothing is written. It costs neither a connection nor a
message, and one check costs less than asking over the broker. `python -m kcpcache.heartbeat` is the check.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from kcpcache import environment

VARIABLE = "KCPCACHE_HEARTBEAT_FILE"
INTERVAL_SECONDS = 3.0
DEAD_AFTER_SECONDS = 15.0


def beat() -> None:
    """Show that this process is at work."""
    name = environment.text(VARIABLE)
    if name:
        Path(name).touch()


def age_seconds() -> float | None:
    """How long ago the last heartbeat was; None when there was none."""
    try:
        return time.time() - Path(environment.text(VARIABLE)).stat().st_mtime
    except OSError:
        return None


def main() -> int:
    """The exit code of the health check, with a sentence when it fails."""
    if not environment.text(VARIABLE):
        sys.stderr.write(f"{VARIABLE} is not set.\n")
        return 2
    age = age_seconds()
    if age is not None and age <= DEAD_AFTER_SECONDS:
        return 0
    sys.stderr.write(
        "There was no heartbeat.\n" if age is None else f"The last heartbeat was {age:.0f} s ago.\n"
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
