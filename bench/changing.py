"""Makes changes at a steady rate and notes which a consumer's watch shows: one by one, or in batches."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections import deque
from dataclasses import dataclass, field

from bench import connection, manifests, watching
from bench.catalogue import Catalogue
from bench.connection import Connection
from bench.instance import PROJECT
from bench.steadiness import Ledger

GRACE_SECONDS = 1.0  # for what is on its way when time is up
SETTLING_SECONDS = 30.0  # how long the last changes may take to be shown


@dataclass(frozen=True, slots=True)
class Pace:
    """How many changes a second, and for how long."""

    rate: int
    seconds: float

    @property
    def changes(self) -> int:
        """All of them."""
        return int(self.rate * self.seconds)


@dataclass(slots=True)
class Changing:
    """What came of it: `writing_seconds` until the last change was taken, `wall_seconds` until it was shown."""

    offered: int
    ledger: Ledger = field(default_factory=Ledger)
    acknowledged: list[float] = field(default_factory=list)  # seconds from sent to answered, one by one only
    failed: int = 0
    writing_seconds: float = 0.0
    wall_seconds: float = 0.0
    client_seconds: float = 0.0

    def on_time(self, seconds: float) -> float:
        """The share of the offered changes that was taken in `seconds`; less where it took longer."""
        share = len(self.ledger.sent) / self.offered if self.offered else 0.0
        return share * min(1.0, (seconds + GRACE_SECONDS) / max(self.writing_seconds, 0.001))


class _Senders:
    """Connections that each carry one change at a time."""

    def __init__(self, found: Catalogue, run: Changing) -> None:
        self._found = found
        self._target = found.instance.target
        self._tls = self._target.tls()
        self._run = run
        self._idle: deque[Connection] = deque()
        self._free = asyncio.Semaphore(0)
        self._running: set[asyncio.Task[None]] = set()

    async def connect(self, clients: int) -> None:
        """Open the connections."""
        for _ in range(clients):
            self._put(await connection.connect(self._target, self._tls))

    async def send(self, serial: int) -> None:
        """Send a change as soon as a connection is free, and do not wait for the answer."""
        await self._free.acquire()
        task = asyncio.ensure_future(self._change(self._idle.popleft(), serial))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def finish(self) -> None:
        """Await all answers, and close."""
        await asyncio.gather(*self._running)
        for sender in self._idle:
            sender.close()

    async def _change(self, sender: Connection, serial: int) -> None:
        path = (
            f"{self._found.flavours(self._found.provider)}/{manifests.name(1 + serial % self._found.objects)}"
        )
        merge = {"content_type": "application/merge-patch+json"}
        request = connection.encode(self._target, "PATCH", path, manifests.change(serial), **merge)
        sent = time.perf_counter()
        try:
            answer = await sender.ask(request)
            status, seconds = answer.status, answer.seconds
        except (connection.Broken, TimeoutError):
            status, seconds, sender = 0, 0.0, await connection.connect(self._target, self._tls)
        self._put(sender)
        if status == 200:
            self._run.ledger.sent[serial] = sent
            self._run.acknowledged.append(seconds)
        else:
            self._run.failed += 1

    def _put(self, sender: Connection) -> None:
        self._idle.append(sender)
        self._free.release()


async def by_api(found: Catalogue, watch_path: str, pace: Pace, clients: int) -> Changing:
    """One PATCH a change, sent when it is due if one of the connections is free; given up when time is up."""
    run = Changing(offered=pace.changes)
    watch = await watching.open_watch(found.instance.target, watch_path, watching.Lines(run.ledger.line).take)
    senders = _Senders(found, run)
    await senders.connect(clients)
    cpu, started = time.process_time(), time.perf_counter()
    for number, serial in enumerate(found.serials(pace.changes), 1):
        now = time.perf_counter()
        if now > started + pace.seconds + GRACE_SECONDS:
            break
        await asyncio.sleep(max(0.0, started + number / pace.rate - now))
        await senders.send(serial)
    await senders.finish()
    run.writing_seconds = time.perf_counter() - started
    await _settle(run, started, cpu)
    watch.close()
    return run


async def by_bulk(found: Catalogue, watch_path: str, pace: Pace) -> Changing:
    """Batches, written by `bench.bulkchanges` in a process of its own, which tells what it has committed."""
    run = Changing(offered=pace.changes)
    watch = await watching.open_watch(found.instance.target, watch_path, watching.Lines(run.ledger.line).take)
    first = str(found.serials(pace.changes).start)
    writer = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.bulkchanges"),
        *(found.provider.path, str(pace.rate), str(pace.seconds), str(found.objects), first),
        env=found.instance.environment(),
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert writer.stdin is not None and writer.stdout is not None
    await writer.stdout.readline()
    cpu, started = time.process_time(), time.perf_counter()
    writer.stdin.write(b"go\n")
    try:
        async with asyncio.timeout(pace.seconds * 5 + SETTLING_SECONDS):
            async for line in writer.stdout:
                _note_batch(run, json.loads(line), started)
    finally:
        writer.stdin.close()
        await writer.wait()
    await _settle(run, started, cpu)
    watch.close()
    return run


def _note_batch(run: Changing, batch: dict[str, float], started: float) -> None:
    serials = range(int(batch["first"]), int(batch["last"]) + 1)
    run.ledger.sent.update(dict.fromkeys(serials, batch["begun"]))
    run.writing_seconds = batch["committed"] - started
    run.failed = int(batch["failed"])


async def _settle(run: Changing, started: float, cpu: float) -> None:
    """Wait until all is shown, or nothing more can be expected."""
    deadline = time.perf_counter() + SETTLING_SECONDS
    while run.ledger.missing and time.perf_counter() < deadline:
        await asyncio.sleep(0.05)
    run.client_seconds = time.process_time() - cpu
    run.wall_seconds = max(run.ledger.seen.values(), default=time.perf_counter()) - started
