"""One worker at a time writes a stream, and no hint is lost between two.

This only saves work: what makes two writers harmless is the cursor, which a batch must find as it expects.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from replication.replica import scripts
from replication.replica.connection import Client, Error
from replication.replica.keys import Family

LEASE_MILLISECONDS = 4_000  # a worker that was killed keeps others out for this long
GUARD_MILLISECONDS = 15_000  # the same for long work that is not urgent
MARK_MILLISECONDS = 2_000  # a message that was lost keeps others from being sent for this long


def mark(client: Client, family: Family) -> bool:
    """Say that there is work; whether the caller must wake a worker, as nobody else did."""
    times = [MARK_MILLISECONDS, LEASE_MILLISECONDS]
    return bool(scripts.of(client).mark(keys=[family.mark, family.lease], args=times))


def take(client: Client, key: str, value: str, milliseconds: int) -> bool:
    """Hold a key for a time, unless somebody else does."""
    return bool(scripts.of(client).take(keys=[key], args=[value, milliseconds]))


@dataclass(slots=True)
class Lease:
    """The right to write, until it is released or runs out."""

    client: Client
    family: Family
    token: str
    kept_at: float = field(default_factory=time.monotonic)

    def keep(self) -> None:
        """Renew it when a quarter of its time is over; to be called often."""
        if time.monotonic() - self.kept_at > LEASE_MILLISECONDS / 1000 / 4:
            self.renew()

    def renew(self) -> bool:
        """Keep it; False when it ran out and somebody else may have it."""
        self.kept_at = time.monotonic()
        return bool(
            scripts.of(self.client).renew(keys=[self.family.lease], args=[self.token, LEASE_MILLISECONDS])
        )

    def release(self) -> bool:
        """Give it up; whether a hint came meanwhile that somebody must follow."""
        return bool(
            scripts.of(self.client).release(keys=[self.family.lease, self.family.mark], args=[self.token])
        )


def turns(client: Client, family: Family) -> Generator[Lease, None, None]:
    """A lease for each turn there is something to do; none while somebody else has it.

    Whoever finds the lease taken leaves the mark, which the holder looks at after it has released.
    """
    token = secrets.token_hex(16)
    while take(client, family.lease, token, LEASE_MILLISECONDS):
        client.delete(family.mark)
        lease = Lease(client, family, token)
        try:
            yield lease
        finally:
            has_more = lease.release()
        if not has_more:
            return


def take_turns(client: Client, family: Family) -> Generator[Lease, None, None]:
    """As `turns`, and no hint is lost when the lease is given up just before the mark is left."""
    had_one = False
    for lease in turns(client, family):
        had_one = True
        yield lease
    if not had_one:
        client.set(family.mark, "1", px=MARK_MILLISECONDS)
        yield from turns(client, family)


@contextmanager
def guarded(client: Client, key: str) -> Iterator[Callable[[], None] | None]:
    """Keep others from the same long work while the block runs.

    Yields what is to be called often, so that it stays so; None while somebody else is at it.
    """
    token, kept_at = secrets.token_hex(16), time.monotonic()
    if not take(client, key, token, GUARD_MILLISECONDS):
        yield None
        return

    def keep() -> None:
        nonlocal kept_at
        if time.monotonic() - kept_at > GUARD_MILLISECONDS / 1000 / 4:
            kept_at = time.monotonic()
            scripts.of(client).renew(keys=[key], args=[token, GUARD_MILLISECONDS])

    try:
        yield keep
    finally:
        with suppress(Error):  # it runs out by itself
            scripts.of(client).release(keys=[key, key], args=[token])
