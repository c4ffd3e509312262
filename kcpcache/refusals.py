"""Requests that are refused before a view sees them: no HTTP, wrong hosts, too much data, forged cookies.

Anybody can send them, as many as they like, and none is a defect of ours: the answer says what is wrong, and the log
gets one short line a minute for each kind, with how many there were.
"""

from __future__ import annotations

import logging
import threading
import time

from django.http import UnreadablePostError

INTERVAL_SECONDS = 60.0
_LONGEST_MESSAGE = 200  # characters
_SECURITY = "django.security."  # Django's loggers, one for each kind
_BY_UVICORN = {
    "Invalid HTTP request received.": "InvalidHTTP",
    "Unsupported upgrade request.": "UnsupportedUpgrade",
}
_ADVICE_OF_UVICORN = "No supported WebSocket library detected."  # of use to those only who want one


class Filter(logging.Filter):
    """Shortens and samples what Django and uvicorn say of refused requests; keeps back that a client has gone."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._said_at: dict[str, float] = {}
        self._unsaid: dict[str, int] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is to be written."""
        if record.exc_info and isinstance(record.exc_info[1], UnreadablePostError):
            return False  # the client has gone in the middle of its request
        if record.name == "uvicorn.error" and str(record.msg).startswith(_ADVICE_OF_UVICORN):
            return False
        kind = _kind(record)
        return not kind or self._is_due(record, kind)

    def _is_due(self, record: logging.LogRecord, kind: str) -> bool:
        with self._lock:
            now = time.monotonic()
            if now - self._said_at.get(kind, -INTERVAL_SECONDS) < INTERVAL_SECONDS:
                self._unsaid[kind] = self._unsaid.get(kind, 0) + 1
                return False
            self._said_at[kind], unsaid = now, self._unsaid.pop(kind, 0)
        message = record.getMessage()[:_LONGEST_MESSAGE]
        record.msg, record.args = (
            "refused a request (%d more since the last line): %s: %s",
            (unsaid, kind, message),
        )
        record.exc_info = record.exc_text = record.stack_info = None
        record.levelno, record.levelname = logging.WARNING, "WARNING"
        return True


def _kind(record: logging.LogRecord) -> str:
    """What was wrong with a request that was refused; empty for any other record."""
    if record.name.startswith(_SECURITY):
        return record.name.removeprefix(_SECURITY)
    return _BY_UVICORN.get(str(record.msg), "") if record.name == "uvicorn.error" else ""
