from __future__ import annotations

import asyncio

import pytest

from kcpcache.apiserver.freshness import Barrier


class Slow:
    """A check that ends when it is told to."""

    def __init__(self) -> None:
        self.begun = 0
        self.gates: list[asyncio.Event] = []

    async def __call__(self) -> None:
        self.begun += 1
        gate = asyncio.Event()
        self.gates.append(gate)
        await gate.wait()


async def _until(condition: object) -> None:
    while not condition():  # type: ignore[operator]
        await asyncio.sleep(0)


def test_caller_during_a_run_waits_for_a_later_one() -> None:
    async def scenario() -> None:
        check = Slow()
        barrier = Barrier(lambda: [check])
        first = asyncio.ensure_future(barrier.passed())
        await _until(lambda: check.begun == 1)
        second = asyncio.ensure_future(barrier.passed())
        third = asyncio.ensure_future(barrier.passed())
        await asyncio.sleep(0)
        check.gates[0].set()
        await first
        await _until(lambda: check.begun == 2)
        assert not second.done()
        check.gates[1].set()
        await asyncio.gather(second, third)
        assert check.begun == 2

    asyncio.run(scenario())


def test_caller_after_a_run_starts_its_own() -> None:
    async def scenario() -> None:
        runs = []

        async def check() -> None:
            runs.append(1)

        barrier = Barrier(lambda: [check, check])
        await barrier.passed()
        await barrier.passed()
        assert len(runs) == 4

    asyncio.run(scenario())


def test_failed_run_fails_its_callers_and_not_the_next() -> None:
    async def scenario() -> None:
        failures = [OSError("away")]

        async def check() -> None:
            if failures:
                raise failures.pop()

        barrier = Barrier(lambda: [check])
        with pytest.raises(OSError, match="away"):
            await barrier.passed()
        await barrier.passed()

    asyncio.run(scenario())


def test_cancelled_caller_does_not_end_the_run_of_others() -> None:
    async def scenario() -> None:
        check = Slow()
        barrier = Barrier(lambda: [check])
        first = asyncio.ensure_future(barrier.passed())
        await _until(lambda: check.begun == 1)
        second, third = (asyncio.ensure_future(barrier.passed()) for _ in range(2))
        await asyncio.sleep(0)
        second.cancel()
        check.gates[0].set()
        await _until(lambda: check.begun == 2)
        check.gates[1].set()
        await asyncio.gather(first, third)

    asyncio.run(scenario())
