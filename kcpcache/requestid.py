"""The id of the request in hand, so that each line of the log names the request it belongs to."""

from __future__ import annotations

import logging
from contextvars import ContextVar

current: ContextVar[str] = ContextVar("request_id", default="-")


class Filter(logging.Filter):
    """Gives every record a `request_id`; ``-`` outside of requests."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Add the id; no record is dropped."""
        record.request_id = current.get()
        return True
