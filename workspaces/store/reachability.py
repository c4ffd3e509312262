"""Whether PostgreSQL is there. SQLite is a file: what it says is never that a server is away."""

from __future__ import annotations

from django.db import connections

# Of PostgreSQL's error codes: connection exceptions (class 08), a server that stops, has crashed, still starts or has
# no place left, and one that hung up on a client that stood still in a transaction.
_CLASS = "08"
_STATES = ("57P01", "57P02", "57P03", "53300", "25P03")
_KINDS = ("OperationalError", "InterfaceError", "InternalError")


def is_away(error: BaseException) -> bool:
    """Whether an error of psycopg says that the connection was lost or cannot be made."""
    kinds = [kind.__name__ for kind in type(error).__mro__ if kind.__module__.split(".")[0] == "psycopg"]
    if not any(kind in _KINDS for kind in kinds):
        return False
    state = getattr(error, "sqlstate", None)
    if state is None:  # not from the server: it could not be reached
        return "InternalError" not in kinds
    return str(state).startswith(_CLASS) or state in _STATES


def probe() -> None:
    """Raises while the database does not answer; leaves no connection behind in the calling thread."""
    try:
        connections["default"].close()
        with connections["default"].cursor() as cursor:
            cursor.execute("SELECT 1")
    finally:
        connections.close_all()
