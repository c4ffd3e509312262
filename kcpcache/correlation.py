"""What a Celery message carries from whoever caused it to the task: the request's id, and its trace.

So the log lines of a change can be followed from the HTTP request through the task to the batch in Redis. Hints that
are merged on their way carry the last one's; a batch's line also names the revisions it holds.
"""

from __future__ import annotations

import uuid
from typing import Any

from celery import signals

from kcpcache import requestid, tracing

_HEADER = "kcpcache_request_id"
_NOBODY = "-"


def headers() -> dict[str, str]:
    """The headers of a message that is published for the request (or the task) in hand."""
    found = {} if requestid.current.get() == _NOBODY else {_HEADER: requestid.current.get()}
    return {**found, **tracing.headers()} if tracing.is_on else found


def connect() -> None:
    """Have Celery say when a task begins and ends."""
    signals.task_prerun.connect(begin_task)
    signals.task_postrun.connect(end_task)


def begin_task(task: Any = None, **_: object) -> None:
    """Log what the task does under the id that its message carries; a task of beat gets one of its own."""
    sent: dict[str, Any] = task.request.headers or {}
    requestid.current.set(str(sent.get(_HEADER) or uuid.uuid4()))
    if tracing.is_on:
        tracing.begin_task(task.name, sent)


def end_task(**_: object) -> None:
    """What the process does next belongs to no request."""
    if tracing.is_on:
        tracing.end_task()
    requestid.current.set(_NOBODY)
