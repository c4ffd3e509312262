"""When workers and beat show that they are at work: see `kcpcache.heartbeat`."""

from __future__ import annotations

from typing import Any

from celery import beat, bootsteps

from kcpcache import demand, heartbeat


class ConsumerStep(bootsteps.StartStopStep):
    """A worker's heart beats while its loop turns on a connection to the broker.

    A lost connection stops the consumer and clears its timer; the step is started again with the next one.
    """

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def start(self, parent: Any) -> None:
        """Begin with a new connection."""
        heartbeat.beat()
        parent.timer.call_repeatedly(heartbeat.INTERVAL_SECONDS, heartbeat.beat)


class Scheduler(beat.Scheduler):
    """The schedule in memory: no file to go stale, and every task is a sweep.

    Each time the broker has taken something is a heartbeat.
    """

    def apply_async(self, entry: Any, producer: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Send a task, unless enough messages ask for it that no worker has begun."""
        is_wanted = demand.ask((producer or self.producer).channel, entry.task)
        sent = super().apply_async(entry, producer, *args, **kwargs) if is_wanted else None
        heartbeat.beat()
        return sent
