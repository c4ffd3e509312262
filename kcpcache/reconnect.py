"""How Celery workers and beat come back to a broker that was away: soon, and always.

They try again every few seconds, however long it was away; kombu's own pauses grow to half a minute.

And a worker connects anew when failed acknowledgements have used up what it may prefetch. A message whose
acknowledgement fails counts as being worked on for as long as the connection lives. When a broker goes away while
every process of the pool is about to acknowledge, nothing is left that may be prefetched: the worker then reads nothing
any more, not even the end of its connection, and would wait for ever.

And channels that have outlived their connection say so as a lost connection. kombu closes the channels of a broken
connection one after the other and gives up at the first that fails; the others are closed, or asked to acknowledge,
when the transport has forgotten the connection. kombu then meets None where the address was, an AttributeError that
Celery takes for a defect, and the worker ends. A message that is given up so is done again when its visibility timeout
is over; for hints the sweep comes sooner.
"""

from __future__ import annotations

from typing import Any

import kombu
from celery import bootsteps
from celery.app import amqp
from celery.worker import state
from kombu import exceptions
from kombu.transport import redis

from kcpcache import outage

INTERVAL_SECONDS = 1.0
# Celery says it of every task that it cancels when its broker goes.
CONSEQUENCES = ("Task %s cannot be acknowledged after a connection loss",)
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 1.0, 3.0


class Channel(redis.Channel):
    """A channel whose pools end with its connection: every command, asynchronous or not, takes one from there."""

    @property
    def pool(self) -> Any:
        """Connections for single commands; ConnectionError when the channel's own connection was given up."""
        self._demand_connection()
        return super().pool

    @property
    def async_pool(self) -> Any:
        """Connections that the loop polls; ConnectionError when the channel's own connection was given up."""
        self._demand_connection()
        return super().async_pool

    def _demand_connection(self) -> None:
        if self.connection is None or self.connection.client is None:
            raise ConnectionError("the connection of this channel to the broker was given up")


class Transport(redis.Transport):
    """kombu's transport with such channels."""

    Channel = Channel


class Connection(kombu.Connection):
    """A connection to the broker that is tried again at least every few seconds."""

    def get_transport_cls(self) -> Any:
        """What speaks to the broker; the settings allow Redis only."""
        return Transport

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


def connect(app: Any) -> None:
    """Have it told in the log, once, when the broker of an app goes and when it is back."""
    outage.register(
        outage.BROKER,
        lambda error: isinstance(error, exceptions.OperationalError),
        lambda: _probe(app),
        consequences=CONSEQUENCES,
    )


def _probe(app: Any) -> None:
    with app.connection_for_write() as connection:
        connection.connect()
