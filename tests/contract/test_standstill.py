"""Clients of PostgreSQL that stand still in a transaction, and who waits for them."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

import pytest
from django.db import OperationalError, connection, connections, transaction

from kcpcache import settings
from kcpcache.apimachinery import errors
from kcpcache.apiserver import exceptions
from tests.contract import databases
from tests.contract.harness import SQLHarness, key, thing
from workspaces.store import objects, revisions
from workspaces.store.snapshot import ALIAS

Store = Callable[..., contextlib.AbstractContextManager[None]]


@pytest.fixture
def store(postgres_url: str, django_db_blocker: object, monkeypatch: pytest.MonkeyPatch) -> Store:
    """Opens an empty store on PostgreSQL whose sessions have some parameters of their own."""

    @contextlib.contextmanager
    def opened(**parameters: int) -> Iterator[None]:
        monkeypatch.setattr(settings, "POSTGRESQL_SESSION", settings.POSTGRESQL_SESSION | parameters)
        with django_db_blocker.unblock(), databases.migrated(postgres_url):  # type: ignore[attr-defined]
            yield

    return opened


@contextlib.contextmanager
def another(work: Callable[[threading.Event], None]) -> Iterator[list[Exception]]:
    """Holds the counter in another thread, which then works until the event it is given; what it raised."""
    holds, is_over = threading.Event(), threading.Event()
    raised: list[Exception] = []

    def run() -> None:
        try:
            with transaction.atomic():
                revisions.take(1, discovery=False)
                holds.set()
                work(is_over)
        except Exception as error:
            raised.append(error)
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert holds.wait(10)
        yield raised
    finally:
        is_over.set()
        thread.join(20)


def put(name: str) -> int:
    return SQLHarness().put(key(name), thing(name))


def as_answered(error: Exception) -> errors.APIError:
    return exceptions.as_api_error(error, "a request")


def test_client_that_stands_still_with_the_counter_is_thrown_out(store: Store) -> None:
    def stand_still(is_over: threading.Event) -> None:
        is_over.wait(20)
        put("late")

    with store(idle_in_transaction_session_timeout=300):
        with another(stand_still) as raised:
            written = put("a")
        assert revisions.newest().value == written
        assert objects.get(key("late")) is None
        (error,) = raised
        answered = as_answered(error)
        assert (answered.code, answered.retry_after_seconds) == (503, 1)


def test_writer_that_waits_for_too_long_answers_that_it_may_be_tried_again(store: Store) -> None:
    def go_on(is_over: threading.Event) -> None:
        while not is_over.is_set():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_sleep(0.05)")

    with store(lock_timeout=300):
        with another(go_on) as raised:
            with pytest.raises(OperationalError) as caught:
                put("a")
            answered = as_answered(caught.value)
            assert (answered.code, answered.retry_after_seconds) == (503, 1)
            revisions.newest()  # reads do not wait
        assert not raised
        put("a")


def shown(name: str, alias: str = "default") -> str:
    with connections[alias].cursor() as cursor:
        cursor.execute(f"SHOW {name}")
        value: str = cursor.fetchone()[0]
        return value


def test_sessions_have_their_limits_and_snapshots_longer_ones(store: Store) -> None:
    with store():
        assert (shown("idle_in_transaction_session_timeout"), shown("lock_timeout")) == ("20s", "30s")
        assert shown("idle_in_transaction_session_timeout", ALIAS) == "10min"
        assert shown("statement_timeout") == shown("statement_timeout", ALIAS) == "0"


def test_what_the_url_says_prevails(postgres_url: str, django_db_blocker: object) -> None:
    mark = "&" if "?" in postgres_url else "?"
    url = f"{postgres_url}{mark}options=-c%20lock_timeout=7s%20-c%20search_path=elsewhere"
    with django_db_blocker.unblock(), databases.pointed_at(url):  # type: ignore[attr-defined]
        for alias in ("default", ALIAS):
            assert (shown("lock_timeout", alias), shown("search_path", alias)) == ("7s", "elsewhere")
        assert shown("idle_in_transaction_session_timeout") == "20s"
