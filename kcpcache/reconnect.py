"""Has a Celery worker connect to its broker anew when failed acknowledgements have used up what it may prefetch.

A message whose acknowledgement fails counts as being worked on for as long as the connection lives. When a broker goes
away while every process of the pool is about to acknowledge, nothing is left that may be prefetched: the worker then
reads nothing any more, not even the end of its connection, and would wait for ever.
"""

from __future__ import annotations

from typing import Any

from celery import bootsteps
from celery.worker import state

INTERVAL_SECONDS = 1.0


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
