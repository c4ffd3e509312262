"""The two formats of the log: one line to read, or one JSON object a line for machines."""

from __future__ import annotations

import datetime
import logging
from typing import Any

import orjson

LINE = "%(asctime)s %(levelname)s %(name)s [%(request_id)s] %(message)s"


class LineFormatter(logging.Formatter):
    """One line a record, whatever the message holds; only a traceback takes more."""

    def __init__(self) -> None:
        super().__init__(LINE)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """A line break in a message must not look like another record."""
        return super().formatMessage(record).replace("\r", "\\r").replace("\n", "\\n")


class JSONFormatter(logging.Formatter):
    """One JSON object a record: time, level, logger, message, request_id, process, and exception if there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """The record, encoded."""
        at = datetime.datetime.fromtimestamp(record.created, datetime.UTC)
        entry: dict[str, Any] = {
            "time": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "request_id": getattr(record, "request_id", "-"),
            "process": record.process,
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return orjson.dumps(entry, default=str).decode()
