"""Clients that open a watch and are gone at once cost nothing that stays, and disturb nobody."""

from __future__ import annotations

import asyncio

import pytest

from tests.faults import gauges, stage
from tests.faults.gauges import Gauges
from tests.faults.recorder import Recorder
from tests.faults.stage import Stage
from tests.faults.wire import Broken, Connection
from tests.servers import Server
from tests.waiting import until

pytestmark = pytest.mark.e2e

WATCHES, WARM_UP, AT_ONCE = 2_000, 300, 16
MORE_DESCRIPTORS, MORE_THREADS, MORE_BYTES = 5, 5, 30 * 1024 * 1024


async def open_and_close(scene: Stage, count: int) -> int:
    """Open watches and go: before, within or after the answer; how many were answered."""
    gate, answered = asyncio.Semaphore(AT_ONCE), 0

    async def one(number: int) -> None:
        nonlocal answered
        connection = Connection(scene.recorder.endpoint, scene.recorder.tls)
        path = (scene.path, scene.source_path)[number % 2] + "?watch=true"
        async with gate:
            try:
                if number % 3 == 0:
                    await connection.send("GET", path)
                else:
                    is_answered = (await connection.open(path)).status == 200
                    answered += is_answered
                if number % 3 == 2:
                    await connection.lines()
            except Broken:
                return
            finally:
                connection.close()

    await asyncio.gather(*(one(number) for number in range(count)))
    return answered


def test_watches_that_are_closed_at_once(victim: Server, recorder: Recorder) -> None:
    scene = stage.build(victim, recorder)
    recorder.watch(scene.path, 5)
    recorder.watch(scene.source_path)
    web = victim.pids("web")[0]
    with scene.writer(0.01), scene.reader() as reader:
        recorder.background.run(open_and_close(scene, WARM_UP))
        before, opened = settled(web), gauges.descriptors(web)
        answered = recorder.background.run(open_and_close(scene, WATCHES), 120)
        try:
            after = settled(web, before)
        except AssertionError as error:
            error.add_note(f"more than before: {gauges.descriptors(web) - opened}")
            raise
    assert answered == WATCHES * 2 // 3
    assert victim.pids("web")[0] == web, "the web process was restarted"
    assert after.threads <= before.threads + MORE_THREADS
    assert after.memory_bytes <= before.memory_bytes + MORE_BYTES
    assert not reader.reads.wrong
    assert not scene.ledger.not_acknowledged()
    assert not any(watcher.resumptions for watcher in recorder.watchers)
    stage.assert_well(scene)


def settled(pid: int, before: Gauges | None = None) -> Gauges:
    """The gauges of a process when its descriptors have come to rest; at what they were, where that is known."""
    last = gauges.read(pid)

    def rests() -> Gauges | None:
        nonlocal last
        present, last = last, gauges.read(pid)
        limit = before.descriptors + MORE_DESCRIPTORS if before else last.descriptors
        return last if last.descriptors == present.descriptors <= limit else None

    found = until(rests, what=f"descriptors to be as before ({before})")
    assert found is not None
    return found
