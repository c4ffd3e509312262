"""The database's clock in SQL, so that the clocks of several machines need not agree."""

from __future__ import annotations

from django.db import connection


def after() -> str:
    """SQL for the database's time plus a parameter in seconds, which may be negative."""
    if connection.vendor == "postgresql":
        return "clock_timestamp() + make_interval(secs => %s)"
    return "strftime('%%Y-%%m-%%d %%H:%%M:%%f', 'now', %s || ' seconds')"
