"""How Celery workers and beat come back to a broker that was away: soon, and always.

They try again every few seconds, however long it was away; kombu's own pauses grow to half a minute.

And a worker connects anew when failed acknowledgements have used up what it may prefetch. A message whose
acknowledgement fails counts as being worked on for as long as the connection lives. When a broker goes away while
every process of the pool is about to acknowledge, nothing is left that may be prefetched: the worker then reads nothing
any more, not even the end of its connection, and would wait for ever.
"""

from __future__ import annotations

from typing import Any

import kombu
from celery import bootsteps
from celery.app import amqp
from celery.worker import state

INTERVAL_SECONDS = 1.0
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 1.0, 3.0


class Connection(kombu.Connection):
    """A connection to the broker that is tried again at least every few seconds."""

    def ensure_connection(self, *args: Any, **kwargs: Any) -> kombu.Connection:  # type: ignore[override]
        """Try until it stands."""
        pauses = {
            "interval_start": FIRST_PAUSE_SECONDS,
            "interval_step": FIRST_PAUSE_SECONDS,
            "interval_max": LONGEST_PAUSE_SECONDS,
        }
        return super().ensure_connection(*args, **{**pauses, **kwargs})


class AMQP(amqp.AMQP):
    """Has Celery use such connections."""

    Connection = Connection


class Step(bootsteps.StartStopStep):
    """Looks once a second; a lost connection ends the look, and the next one begins it again."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def start(self, parent: Any) -> None:
        """Begin with a new connection."""
        parent.timer.call_repeatedly(INTERVAL_SECONDS, check, (parent,))


def check(consumer: Any) -> None:
    """Raise ConnectionError, which makes the worker connect anew, where it works on nothing and may take nothing."""
    if consumer.task_consumer is None or state.reserved_requests:
        return
    if not consumer.task_consumer.channel.qos.can_consume():
        raise ConnectionError("acknowledgements were lost with the broker")
