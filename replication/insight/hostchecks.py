"""Checks of this machine: settings, clock, certificate, disk."""

from __future__ import annotations

import datetime
import shutil
import time
from pathlib import Path

from cryptography import x509
from django.conf import settings
from django.core import checks
from django.db import connection as database
from django.utils.dateparse import parse_datetime

from replication.insight.check import Check
from replication.replica import connection, server

_SKEW_SECONDS = 5.0
_CERTIFICATE_DAYS = 14
_FREE_BYTES, _FREE_PERCENT = 512 * 2**20, 5


def settings_() -> Check:
    """What the checks at start-up say."""
    found = checks.run_checks(tags=["kcpcache"])
    if not found:
        return Check("settings", True, "Nothing is wrong with them.")
    message = " ".join(str(each.msg) for each in found)
    hint = " ".join(str(each.hint) for each in found if each.hint)
    is_serious = any(each.is_serious() for each in found)
    return Check("settings", not is_serious, message, hint or ("Correct the variable." if is_serious else ""))


def clock() -> Check:
    """That this machine, the database's and Redis' agree on the time, which ages and leases are measured by."""
    skews = {"the database": _database_now() - time.time()}
    try:
        skews["Redis"] = server.now(connection.hasty_client()) - time.time()
    except connection.Error:
        skews.pop("Redis", None)
    wrong = {name: skew for name, skew in skews.items() if abs(skew) > _SKEW_SECONDS}
    if wrong:
        message = "; ".join(
            f"{name} is {abs(skew):.0f} s {'ahead' if skew > 0 else 'behind'}" for name, skew in wrong.items()
        )
        remedy = "Run a time service (chrony, systemd-timesyncd) on every machine."
        return Check("clock", False, f"{message[0].upper()}{message[1:]}.", remedy)
    return Check("clock", True, f"This machine and {' and '.join(skews)} agree.")


def _database_now() -> float:
    statement = "SELECT clock_timestamp()"
    if database.vendor == "sqlite":
        statement = "SELECT strftime('%Y-%m-%d %H:%M:%f', 'now')"
    with database.cursor() as cursor:
        cursor.execute(statement)
        value = cursor.fetchone()[0]
    moment = parse_datetime(value) if isinstance(value, str) else value
    assert isinstance(moment, datetime.datetime)
    return moment.replace(tzinfo=moment.tzinfo or datetime.UTC).timestamp()


def certificate() -> Check:
    """That the server's certificate does not end soon."""
    given = settings.KCPCACHE_TLS_CERT_FILE
    path = Path(given or settings.KCPCACHE_DATA_DIR / "pki" / "server.crt")
    try:
        ends = x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc
    except FileNotFoundError:
        return Check("certificate", True, f"{path} is not on this machine.")
    except (OSError, ValueError) as error:
        return Check("certificate", False, f"{path} cannot be read: {error}.", "Put a PEM certificate there.")
    days = (ends - datetime.datetime.now(datetime.UTC)).days
    message = f"It is valid until {ends:%Y-%m-%d}, {days} days."
    if days >= _CERTIFICATE_DAYS:
        return Check("certificate", True, message)
    remedy = "Renew it and restart the web processes." if given else "Restart: it is made anew by itself."
    return Check("certificate", False, message, remedy)


def disk_space() -> Check:
    """That the data directory can grow."""
    usage = shutil.disk_usage(settings.KCPCACHE_DATA_DIR)
    percent = usage.free * 100 / usage.total
    message = f"{usage.free / 2**30:.1f} GiB ({percent:.0f} %) are free at {settings.KCPCACHE_DATA_DIR}."
    if usage.free < _FREE_BYTES or percent < _FREE_PERCENT:
        return Check("disk space", False, message, "Free some: writes fail when it is full.")
    return Check("disk space", True, message)
