"""What must be true before processes start: servers, tables, a root workspace, credentials."""

from __future__ import annotations

import secrets
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.utils.module_loading import import_string

from kcpcache import environment, secretfiles
from supervisor import pki
from supervisor.errors import StartRefused
from workspaces import bootstrap

ADMIN_KUBECONFIG = "admin.kubeconfig"
ADMIN_USER = "kcp-admin"
ADMIN_PASSWORD = "admin.password"  # noqa: S105 - a file's name


def run() -> None:
    """All steps in order; each may be run again. Raises StartRefused."""
    if not settings.KCPCACHE_REDIS_EMBEDDED:
        reach_redis("Redis", settings.KCPCACHE_REDIS_URL)
    if not settings.KCPCACHE_BROKER_EMBEDDED:
        reach_redis("the broker", settings.CELERY_BROKER_URL)
    migrate()
    import_string(
        "replication.marks.check"
    )()  # a database that was rolled back goes on above what others have seen
    import_string("workspaces.bootstrap.ensure")()
    write_admin_kubeconfig()
    ensure_admin_password()


def reach_redis(name: str, url: str) -> None:
    """Connect and ask for a sign of life; StartRefused."""
    from kombu import Connection

    broker_form = url.replace("unix://", "redis+socket://", 1).replace("?db=", "?virtual_host=")
    options = {"socket_connect_timeout": 3.0, "socket_timeout": 3.0}  # seconds
    with Connection(broker_form, transport_options=options) as broker:
        try:
            broker.ensure_connection(max_retries=1, timeout=5)
            channel: Any = broker.default_channel
            channel.client.ping()
        except Exception as error:
            raise StartRefused(
                f"Cannot reach {name} at {environment.redacted(url)}: {one_line(error)}."
            ) from None


def migrate() -> None:
    """Bring the tables up to date; StartRefused when the database is not reachable."""
    database = settings.DATABASES["default"]
    place = f"{database['HOST']}/{database['NAME']}" if database["HOST"] else database["NAME"]
    try:
        connection.ensure_connection()
    except (DatabaseError, OSError) as error:
        raise StartRefused(f"Cannot reach the database {place}: {one_line(error)}.") from None
    try:
        call_command("migrate", verbosity=0, interactive=False, skip_checks=True)
    except DatabaseError as error:
        raise StartRefused(f"Cannot bring the tables of {place} up to date: {one_line(error)}.") from error


def write_admin_kubeconfig() -> None:
    """Certificates, and the administrator's kubeconfig unless the one that is there still works."""
    from workspaces import kubeconfig, tokens

    if not settings.KCPCACHE_TLS_CERT_FILE:
        pki.ensure(settings.KCPCACHE_DATA_DIR, pki.server_names(*settings.KCPCACHE_SERVER_NAMES))
    authority = Path(settings.KCPCACHE_AUTHORITY_FILE)
    path = settings.KCPCACHE_DATA_DIR / ADMIN_KUBECONFIG
    token = kubeconfig.read_token(path)
    if not get_user_model().objects.get(username=ADMIN_USER).is_active:
        sys.stdout.write(f"The user {ADMIN_USER} is disabled; {path} is left as it is.\n")
        return
    if token is None or tokens.find(token) is None:
        token = tokens.create(ADMIN_USER, [], None, description="admin.kubeconfig")
    kubeconfig.write(path, kubeconfig.admin(settings.KCPCACHE_EXTERNAL_URL, authority.read_text(), token))


def ensure_admin_password() -> None:
    """The administrator's password for the admin: the environment's, else one that is made and kept in a file.

    Who was disabled, or whose password was made unusable, is left so.
    """
    account = get_user_model().objects.get(username=ADMIN_USER)
    given = settings.KCPCACHE_ADMIN_PASSWORD
    path = settings.KCPCACHE_DATA_DIR / ADMIN_PASSWORD
    if not account.is_active:
        return
    if given:
        path.unlink(missing_ok=True)  # it would name another
        if not account.check_password(given):
            account.set_password(given)
            account.save(update_fields=["password"])
    elif account.password == bootstrap.NO_PASSWORD_YET:
        made = secrets.token_urlsafe(18)
        secretfiles.replace(path, made + "\n")
        account.set_password(made)
        account.save(update_fields=["password"])
        sys.stdout.write(
            f"The admin's user is {ADMIN_USER}, the password is in {path}\n"
            "  Remove the file when you have read it; manage.py changepassword sets another.\n"
        )
        sys.stdout.flush()


def one_line(error: BaseException) -> str:
    """The first line of an error's text, as a part of a sentence."""
    lines = str(error).strip().splitlines()
    return lines[0].strip().rstrip(".?!") if lines else type(error).__name__
