"""Writes of a store that has one writer at a time: those that wait together share a commit, and nothing else."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import IntegrityError, InternalError, OperationalError

from kcpcache.apiserver import lean, writequeue
from kcpcache.apiserver.exchange import Request
from kcpcache.apiserver.front import Front
from kcpcache.apiserver.handler import Answer
from kcpcache.apiserver.requestinfo import RequestInfo
from tests.unit.apiserver import client
from tests.unit.apiserver.backends import Backend
from tests.waiting import until


class Commits:
    """Counts what is committed together, and can refuse it."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.fails_at_commit: Exception | None = None
        self.is_lost_after: int | None = None
        self.may_end = threading.Event()
        self.may_end.set()
        self.is_ending = threading.Event()

    def may_share(self, info: RequestInfo) -> bool:
        return info.resource != "namespaces"

    @contextmanager
    def shared(self) -> Iterator[Callable[[], None]]:
        count = 0

        def check() -> None:
            nonlocal count
            count += 1
            if count == self.is_lost_after:
                self.is_lost_after = None
                raise OperationalError("the transaction was rolled back")

        yield check
        self.is_ending.set()
        assert self.may_end.wait(10)
        if self.fails_at_commit is not None:
            raise self.fails_at_commit
        self.sizes.append(count)


class Gate:
    """Holds the thread of the queue until as many requests as wanted wait."""

    def __init__(self, backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reached, self.opened = threading.Event(), threading.Event()
        scope = backend.fresh_scope

        def held(info: RequestInfo) -> Any:
            if info.verb == "delete" and info.name == "gate":
                self.reached.set()
                assert self.opened.wait(10)
            return scope(info)

        monkeypatch.setattr(backend, "fresh_scope", held)


@pytest.fixture
def commits(backend: Backend) -> Commits:
    """How writes are committed; asked for before the first of them."""
    backend.commits = made = Commits()
    return made


Wanted = tuple[str, str, Any]


@pytest.fixture
def together(
    front: Front, backend: Backend, commits: Commits, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[list[Wanted]], list[client.Answer]]]:
    """Sends requests so that all of them wait at the same moment; their answers."""
    gate = Gate(backend, monkeypatch)
    monkeypatch.setattr(writequeue, "LONGEST_SECONDS", 10.0)  # however slow the machine is

    async def scenario(wanted: list[Wanted]) -> list[client.Answer]:
        first = asyncio.ensure_future(client.request(front, "DELETE", f"{client.FLAVORS}/gate"))
        await asyncio.to_thread(gate.reached.wait, 10)
        sent = [asyncio.ensure_future(client.request(front, *each)) for each in wanted]
        queue = front._write_queue()
        assert queue is not None
        while queue._arrived.qsize() < len(wanted):
            await asyncio.sleep(0.001)
        gate.opened.set()
        answers = await asyncio.gather(*sent)
        assert (await first).status == 404
        return answers

    yield lambda wanted: asyncio.run(scenario(wanted))
    gate.opened.set()


def creation(name: str) -> Wanted:
    return "POST", client.FLAVORS, flavor(name)


def flavor(name: str) -> dict[str, Any]:
    return {"apiVersion": "cloud.example.com/v1", "kind": "CPUFlavor", "metadata": {"name": name}}


Together = Callable[[list[Wanted]], list[client.Answer]]


def test_writes_that_wait_together_share_a_commit(together: Together, commits: Commits) -> None:
    answers = together([creation(f"f-{number}") for number in range(5)])
    assert [answer.status for answer in answers] == [201] * 5
    assert commits.sizes == [5]


def test_each_answer_is_that_of_its_own_request(together: Together) -> None:
    answers = together(
        [creation("a"), creation("a"), ("DELETE", f"{client.FLAVORS}/none", None), creation("b")]
    )
    assert [answer.status for answer in answers] == [201, 409, 404, 201]
    assert answers[3].json()["metadata"]["name"] == "b"
    assert len({answer.headers["audit-id"] for answer in answers}) == 4


def test_write_that_waits_alone_has_a_commit_of_its_own(
    front: Front, commits: Commits, backend: Backend
) -> None:
    answer = asyncio.run(client.request(front, *creation("a")))
    assert (answer.status, commits.sizes) == (201, [])


def test_what_changes_discovery_shares_with_nobody(together: Together, commits: Commits) -> None:
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}}
    wanted = [creation("a"), creation("b"), ("POST", f"{client.BASE}/api/v1/namespaces", namespace)]
    answers = together([*wanted, creation("c"), creation("d")])
    assert [answer.status for answer in answers] == [201] * 5
    assert commits.sizes == [2, 2]


def test_commit_is_shared_by_a_bounded_number(
    together: Together, commits: Commits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writequeue, "LARGEST", 3)
    together([creation(f"f-{number}") for number in range(8)])
    assert commits.sizes == [3, 3, 2]


def test_commit_is_not_shared_for_long(
    together: Together, commits: Commits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writequeue, "LONGEST_SECONDS", 0.0)
    answers = together([creation(f"f-{number}") for number in range(3)])
    assert [answer.status for answer in answers] == [201] * 3
    assert commits.sizes == [1, 1]  # the last one waited alone


def test_nothing_is_answered_before_the_commit(together: Together, commits: Commits) -> None:
    commits.may_end.clear()
    answers: list[client.Answer] = []
    thread = threading.Thread(target=lambda: answers.extend(together([creation("a"), creation("b")])))
    thread.start()
    assert commits.is_ending.wait(10)
    assert not answers
    commits.may_end.set()
    thread.join(10)
    assert [answer.status for answer in answers] == [201, 201]


def test_commit_that_fails_is_told_to_all_who_share_it(together: Together, commits: Commits) -> None:
    commits.fails_at_commit = OperationalError("database or disk is full")
    answers = together([creation("a"), creation("a"), ("DELETE", f"{client.FLAVORS}/none", None)])
    assert [answer.status for answer in answers] == [503] * 3, (
        "what was refused may have been refused wrongly"
    )
    assert all(answer.headers["retry-after"] == "1" for answer in answers)


def test_nothing_is_written_after_the_transaction_was_lost(together: Together, commits: Commits) -> None:
    commits.is_lost_after = 2
    answers = together([creation(f"f-{number}") for number in range(4)])
    assert [answer.status for answer in answers] == [503, 503, 201, 201]
    assert commits.sizes == [2]  # those that had not begun


def test_failure_inside_a_request_is_its_own(
    together: Together, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    scope = backend.fresh_scope

    def fails_for_one(info: RequestInfo) -> Any:
        if info.name == "broken":
            raise ZeroDivisionError
        return scope(info)

    monkeypatch.setattr(backend, "fresh_scope", fails_for_one)
    answers = together([creation("a"), ("DELETE", f"{client.FLAVORS}/broken", None), creation("b")])
    assert [answer.status for answer in answers] == [201, 500, 201]


def test_view_that_crashes_fails_only_its_own_request(
    together: Together, commits: Commits, monkeypatch: pytest.MonkeyPatch
) -> None:
    respond = lean.respond_inside

    def crashes_for_one(request: Request) -> Answer:
        answer = respond(request)
        if request.info is not None and request.info.name == "broken":
            raise ZeroDivisionError
        return answer

    monkeypatch.setattr(lean, "respond_inside", crashes_for_one)
    answers = together([creation("a"), ("DELETE", f"{client.FLAVORS}/broken", None), creation("b")])
    assert [answer.status for answer in answers] == [201, 500, 201]
    assert commits.sizes == [3]


def test_error_of_the_database_that_a_view_lets_out_concerns_all(
    together: Together, commits: Commits, monkeypatch: pytest.MonkeyPatch
) -> None:
    respond = lean.respond_inside

    def loses_the_transaction(request: Request) -> Answer:
        if request.info is not None and request.info.name == "broken":
            raise InternalError("the transaction is aborted")
        return respond(request)

    monkeypatch.setattr(lean, "respond_inside", loses_the_transaction)
    answers = together([creation("a"), ("DELETE", f"{client.FLAVORS}/broken", None), creation("b")])
    assert [answer.status for answer in answers] == [503, 503, 201]
    assert commits.sizes == []  # the last one waited alone


@pytest.mark.parametrize("failure", [IntegrityError("FOREIGN KEY constraint failed"), ZeroDivisionError()])
def test_those_whose_shared_commit_fails_may_try_again(
    together: Together, commits: Commits, failure: Exception
) -> None:
    commits.fails_at_commit = failure
    answers = together([creation("a"), creation("b")])
    assert [(answer.status, answer.headers["retry-after"]) for answer in answers] == [(503, "1")] * 2


def test_failure_without_an_answer_of_its_own_is_answered(
    together: Together, front: Front, commits: Commits, monkeypatch: pytest.MonkeyPatch
) -> None:
    respond = writequeue.exceptions.response

    def broken(error: BaseException, request: Request) -> Any:
        if isinstance(error, OperationalError):
            raise ZeroDivisionError
        return respond(error, request)

    commits.fails_at_commit = OperationalError("database or disk is full")
    with monkeypatch.context() as patch:
        patch.setattr(writequeue.exceptions, "response", broken)
        answers = together([creation("a"), creation("b")])
    assert [answer.status for answer in answers] == [500, 500]
    assert [answer.json()["reason"] for answer in answers] == ["InternalError"] * 2
    assert asyncio.run(client.request(front, *creation("c"))).status == 201


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_thread_that_ended_is_replaced_and_leaves_nobody_waiting(
    front: Front, commits: Commits, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve = writequeue.WriteQueue._serve

    def ends(self: writequeue.WriteQueue, group: list[Any]) -> Any:
        serve(self, group)
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(writequeue.WriteQueue, "_serve", ends)
        assert asyncio.run(client.request(front, *creation("a"))).status == 500  # whatever it wanted to say
    queue = front._write_queue()
    assert queue is not None
    until(lambda: queue._thread is not None and not queue._thread.is_alive(), what="the end of the thread")
    assert asyncio.run(client.request(front, *creation("b"))).status == 201


def test_error_outside_of_a_request_is_answered_and_the_thread_goes_on(
    front: Front, commits: Commits, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: object, group: object) -> Any:
        raise ZeroDivisionError

    asyncio.run(client.request(front, *creation("first")))
    queue = front._write_queue()
    assert queue is not None
    thread = queue._thread
    with monkeypatch.context() as patch:
        patch.setattr(writequeue.WriteQueue, "_serve", broken)
        assert asyncio.run(client.request(front, *creation("a"))).status == 500
    assert asyncio.run(client.request(front, *creation("a"))).status == 201
    assert queue._thread is thread


def test_queue_that_was_closed_serves_again(front: Front, commits: Commits) -> None:
    asyncio.run(client.request(front, *creation("a")))
    queue = front._write_queue()
    assert queue is not None
    queue.close()
    until(lambda: queue._thread is not None and not queue._thread.is_alive(), what="the end of the thread")
    assert asyncio.run(client.request(front, *creation("b"))).status == 201


def test_client_that_goes_away_leaves_its_write_and_the_others(
    front: Front, backend: Backend, commits: Commits, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(backend, monkeypatch)

    async def scenario() -> int:
        first = asyncio.ensure_future(client.request(front, "DELETE", f"{client.FLAVORS}/gate"))
        await asyncio.to_thread(gate.reached.wait, 10)
        leaving = client.connect(front, *creation("a"))
        staying = asyncio.ensure_future(client.request(front, *creation("b")))
        queue = front._write_queue()
        assert queue is not None
        while queue._arrived.qsize() < 2:
            await asyncio.sleep(0.001)
        leaving.task.cancel()
        gate.opened.set()
        await first
        return (await staying).status

    assert asyncio.run(scenario()) == 201
    assert asyncio.run(client.request(front, "GET", f"{client.FLAVORS}/a")).status == 200


def test_thread_ends_with_the_front(front: Front, commits: Commits) -> None:
    asyncio.run(client.request(front, *creation("a")))
    queue = front._write_queue()
    assert queue is not None
    front.close()
    until(lambda: queue._thread is not None and not queue._thread.is_alive(), what="the end of the thread")
