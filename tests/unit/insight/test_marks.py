"""A database that was rolled back goes on above whatever anybody has seen."""

from __future__ import annotations

import pytest
from django.db import connection as database

from replication import marks
from replication.replica import connection, mark
from tests.unit.insight import installation
from workspaces.store import changelog, revisions

pytestmark = pytest.mark.usefixtures("cloud")


def roll_back(to: int) -> None:
    """What a restore of an older copy of the database does."""
    with database.cursor() as cursor:
        cursor.execute("UPDATE workspaces_counter SET value = %s", [to])
        cursor.execute("DELETE FROM workspaces_change WHERE revision > %s", [to])


@pytest.fixture(autouse=True)
def _own_file(tmp_path, settings) -> None:  # type: ignore[no-untyped-def]
    settings.KCPCACHE_DATA_DIR = tmp_path


def test_mark_follows_the_revision_and_never_goes_back() -> None:
    marks.keep(connection.client())
    newest = revisions.newest().value
    assert (mark.read(connection.client()), marks.read_file()) == (newest, newest)
    mark.raise_to(connection.client(), newest - 1)
    marks.write_file(newest - 1)
    assert (mark.read(connection.client()), marks.read_file()) == (newest, newest)


def test_ordinary_restart_changes_nothing() -> None:
    marks.keep(connection.client())
    before = revisions.newest()
    assert marks.check() is None
    assert revisions.newest() == before


def test_database_below_redis_mark_jumps_above_it_while_running() -> None:
    installation.publish("cpu-1")
    marks.keep(connection.client())
    seen = revisions.newest().value
    roll_back(5)
    marks.keep(connection.client())
    now = revisions.newest()
    assert now.value > seen
    assert now.compacted == now.value
    with pytest.raises(Exception, match="too old"):
        changelog.check(seen)


def test_database_below_the_file_jumps_at_the_start_although_redis_is_empty() -> None:
    installation.publish("cpu-1")
    marks.keep(connection.client())
    seen = revisions.newest().value
    roll_back(5)
    connection.client().flushall()
    assert (marks.check() or 0) > seen


def test_file_that_cannot_be_read_is_no_mark(tmp_path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / marks.FILE_NAME).write_text("nonsense")
    assert marks.read_file() == 0
