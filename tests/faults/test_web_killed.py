"""A web process that is killed takes nothing with it but connections."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3

import pytest

from tests.faults import stage
from tests.faults.ledger import Outcome
from tests.faults.recorder import Recorder
from tests.faults.records import Expired
from tests.servers import Server
from tests.waiting import until

pytestmark = pytest.mark.e2e

WATCHES = 200


def test_watches_resume_from_their_last_event_and_miss_nothing(victim: Server, recorder: Recorder) -> None:
    scene = stage.build(victim, recorder)
    recorder.watch(scene.path, WATCHES - 20)
    recorder.watch(scene.source_path, 20)
    with scene.writer(0.005), scene.writer(0.005):
        stage.moving(scene)
        victim.kill("web")
        stage.moving(scene)
    assert scene.ledger.count(Outcome.REFUSED) == 0
    assert all(watcher.resumptions for watcher in recorder.watchers)
    assert not [
        each for watcher in recorder.watchers for each in watcher.entries if isinstance(each, Expired)
    ]
    stage.assert_well(scene)


def test_write_that_was_acknowledged_and_never_hinted_at_is_replicated(
    victim: Server, recorder: Recorder
) -> None:
    """Redis hears nothing of the write: it is stopped before, and goes on when the web process is gone."""
    scene = stage.build(victim, recorder)
    recorder.watch(scene.path)
    with victim.paused("redis"):
        recorder.background.run(scene.writer().repeat(1))
        os.kill(victim.pids("web")[0], signal.SIGKILL)
    assert scene.ledger.count() == 1
    stage.assert_well(scene)
    assert len(recorder.watchers[0].changes) == 1


def test_write_that_was_committed_and_not_yet_acknowledged_is_whole(
    victim: Server, recorder: Recorder
) -> None:
    """The web process is killed as soon as the database has the object, in front of hint and answer."""
    scene = stage.build(victim, recorder)
    recorder.watch(scene.path)
    database = sqlite3.connect(f"file:{victim.data_dir / 'kcpcache.sqlite3'}?mode=ro", uri=True)

    def stored() -> int:
        rows = database.execute(
            "SELECT count(*) FROM workspaces_object WHERE cluster = ? AND resource = 'cpuflavors'",
            [scene.provider.cluster],
        )
        return int(rows.fetchone()[0])

    with contextlib.closing(database), victim.paused("redis"):
        before = stored()
        writing = recorder.background.start(scene.writer().repeat(1))
        until(lambda: stored() > before, what="the commit")
        os.kill(victim.pids("web")[0], signal.SIGKILL)
        writing.result(30)
    stage.assert_well(scene)
    assert len(recorder.watchers[0].changes) == 1
