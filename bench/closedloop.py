"""A closed loop: each of N clients sends its next request when its answer has come.

No coroutine runs between an answer and the next request: the protocol's callback takes the time and writes. The
client's own share of the time is measured as the CPU time of its process(es).
"""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import cast

import uvloop

from bench import connection
from bench.target import Target

CONNECTING_AT_ONCE = 32


@dataclass(frozen=True, slots=True)
class Job:
    """What one process sends: the requests in turn, over and over or once, for at most `seconds`."""

    target: Target
    requests: Sequence[bytes]
    clients: int
    seconds: float
    repeat: bool = True
    expected: tuple[int, ...] = (200,)


@dataclass(slots=True)
class Samples:
    """What came of it. `client_seconds` is CPU time, `wall_seconds` from the first request to the last answer."""

    latencies: array[float] = field(default_factory=lambda: array("d"))
    received_bytes: int = 0
    refused: dict[int, int] = field(default_factory=dict)  # status: answers that were not expected
    broken: int = 0  # connections that ended
    client_seconds: float = 0.0
    wall_seconds: float = 0.0

    @property
    def client_share(self) -> float:
        """CPU time of the client for each second of the run; 1.0 is one whole core."""
        return self.client_seconds / self.wall_seconds if self.wall_seconds else 0.0

    @property
    def failures(self) -> int:
        """Requests without the answer that was expected."""
        return self.broken + sum(self.refused.values())


def run(job: Job, processes: int = 1) -> Samples:
    """Run a job, its clients spread over processes; one process is this one."""
    if processes == 1:
        return uvloop.run(_run(job))
    parts = [
        Job(
            job.target,
            job.requests[number::processes],
            len(range(number, job.clients, processes)),
            job.seconds,
            job.repeat,
            job.expected,
        )
        for number in range(processes)
    ]
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        return merge(pool.map(_run_part, [part for part in parts if part.clients]))


def merge(parts: Sequence[Samples]) -> Samples:
    """The samples of several processes that ran at the same time."""
    whole = Samples(wall_seconds=max(part.wall_seconds for part in parts))
    for part in parts:
        whole.latencies.extend(part.latencies)
        whole.received_bytes += part.received_bytes
        whole.broken += part.broken
        whole.client_seconds += part.client_seconds
        for status, count in part.refused.items():
            whole.refused[status] = whole.refused.get(status, 0) + count
    return whole


def _run_part(job: Job) -> Samples:
    return uvloop.run(_run(job))


class _Run:
    """What the clients of a process share."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.samples = Samples()
        self.requests = self._sequence()
        self.deadline = 0.0
        self.running = 0
        self.ended = asyncio.get_running_loop().create_future()

    def _sequence(self) -> Iterator[bytes]:
        while True:
            yield from self.job.requests
            if not self.job.repeat:
                return

    def next(self) -> bytes | None:
        """The next request; None once time is up or all are sent."""
        return next(self.requests, None) if time.perf_counter() < self.deadline else None

    def client_ended(self) -> None:
        """One client less."""
        self.running -= 1
        if self.running == 0 and not self.ended.done():
            self.ended.set_result(None)


class _Client(asyncio.Protocol):
    """One of the clients."""

    def __init__(self, run: _Run) -> None:
        self._run = run
        self._parser = connection.Parser()
        self._sent = 0.0
        self._is_busy = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own classes inherit from nothing

    def send(self) -> None:
        """Send the next request, if there is one."""
        request = self._run.next()
        self._is_busy = request is not None
        if request is None:
            self._run.client_ended()
            return
        self._parser.begin()
        self._sent = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        if not self._parser.feed(data):
            return
        samples = self._run.samples
        status = self._parser.status
        if status in self._run.job.expected:
            samples.latencies.append(time.perf_counter() - self._sent)
            samples.received_bytes += self._parser.length
        else:
            samples.refused[status] = samples.refused.get(status, 0) + 1
        self.send()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._is_busy:
            self._is_busy = False
            self._run.samples.broken += 1
            self._run.client_ended()

    def close(self) -> None:
        """Close; what is still awaited is not counted."""
        self._is_busy = False
        self._transport.abort()


async def _run(job: Job) -> Samples:
    run = _Run(job)
    clients = await _connect(run)
    run.running = len(clients)
    cpu, wall = time.process_time(), time.perf_counter()
    run.deadline = wall + job.seconds
    for client in clients:
        client.send()
    try:
        async with asyncio.timeout(job.seconds + 60):
            await run.ended
    except TimeoutError:
        run.samples.broken += run.running
    run.samples.client_seconds = time.process_time() - cpu
    run.samples.wall_seconds = time.perf_counter() - wall
    for client in clients:
        client.close()
    return run.samples


async def _connect(run: _Run) -> list[_Client]:
    loop = asyncio.get_running_loop()
    tls = run.job.target.tls()
    gate = asyncio.Semaphore(CONNECTING_AT_ONCE)

    async def one() -> _Client:
        async with gate:
            _, client = await loop.create_connection(
                lambda: _Client(run),
                run.job.target.host,
                run.job.target.port,
                ssl=tls,
                server_hostname=connection.server_name(run.job.target),
            )
            return client

    return list(await asyncio.gather(*(one() for _ in range(run.job.clients))))


def failure_notes(samples: Samples) -> tuple[str, ...]:
    """A note about what failed, none when nothing did."""
    if not samples.failures:
        return ()
    statuses = ", ".join(f"{status} {count} times" for status, count in sorted(samples.refused.items()))
    return (f"FAILED: {samples.broken} connections broken; other statuses: {statuses or 'none'}",)
