"""Messages that ask for whatever is due: any one of them does for all, so they need not pile up.

They have no arguments, and no time at which they expire: that would be told by the sender's clock and judged by the
worker's. Instead the broker counts how often a task was asked for since a worker last began it. The first few requests
are sent, as some may be lost with a worker that is killed; later ones each time their number has doubled. However long
all workers are away, few messages wait for them; and whatever was lost, another one is sent in the end.

A worker takes the count back before it looks for what is due, so a request that is not sent is one that comes before
that look.
"""

from __future__ import annotations

import logging
from typing import Any

from celery import current_app, signals

logger = logging.getLogger(__name__)

_ALWAYS_SENT = 8
_FORGOTTEN_SECONDS = 3600  # by the broker's clock; for the case that every message of a task was lost


def ask(channel: Any, task_name: str) -> bool:
    """Count a request; whether to send a message for it. Raises what a broker that is away makes its client raise."""
    key = _key(task_name)
    pipeline = channel.client.pipeline()
    pipeline.set(key, 0, ex=_FORGOTTEN_SECONDS, nx=True)
    pipeline.incr(key)
    count = int(pipeline.execute()[-1])
    return count <= _ALWAYS_SENT or not count & (count - 1)


def connect() -> None:
    """Have workers take the count back when they begin a task."""
    signals.task_prerun.connect(begin_task)


def begin_task(task: Any = None, args: Any = (), **_: object) -> None:
    """Send a message for the next request again."""
    if task is None or args:
        return
    try:
        with current_app.producer_or_acquire() as producer:
            producer.channel.client.delete(_key(task.name))
    except Exception as error:  # the work matters more, and the count is forgotten some time
        logger.debug("the requests for %s stay counted: %s", task.name, error)


def _key(task_name: str) -> str:
    return f"kcpcache.asked:{task_name}"
