"""Hints, marks and leases: no work is lost, none is done twice for nothing."""

from __future__ import annotations

import threading

import pytest
import redis
from django.db import connection as database
from django.db import connections, transaction
from django.test.utils import CaptureQueriesContext

from kcpcache.apimachinery import errors
from kcpcache.apimachinery.storage import ListOptions
from replication import receivers, reports, rows, tasks
from replication.models import Replica
from replication.replica import audit, connection, lease, meta, sweeping, sync, wake, writer
from tests.contract.harness import THINGS, key, thing
from tests.contract.replica import UID
from workspaces.models import Work
from workspaces.store import compaction, leases, objects, revisions, work


def put(name, **spec):
    with objects.writing([key(name)]) as transaction_:
        transaction_.put(key(name), thing(name, **spec))


def other(name):
    it = key(name, resource="others")
    with objects.writing([it]) as transaction_:
        transaction_.put(it, thing(name))


@pytest.fixture
def published(monkeypatch):
    """The hints that were sent."""
    sent = []
    monkeypatch.setattr(wake.hints, "publish", lambda task, args, *_, **__: sent.append((task, args)))
    monkeypatch.setattr(wake._thread, "submit", lambda job, *args: job(*args))
    return sent


def present(replica):
    return meta.read(connection.client(), replica.family)


def test_many_changes_send_one_hint(replica, published) -> None:
    for _ in range(20):
        wake.wake(replica.family)
    assert published == [("replication.tasks.sync", (UID,))]


def test_no_hint_is_sent_while_a_worker_is_at_it_and_it_goes_on(replica, published) -> None:
    turns = lease.take_turns(connection.client(), replica.family)
    next(turns)
    wake.wake(replica.family)
    assert published == []
    next(turns)
    assert next(turns, None) is None
    wake.wake(replica.family)
    assert len(published) == 1


def test_worker_that_finds_the_lease_taken_leaves_the_work_to_the_holder(replica) -> None:
    put("a")
    turns = lease.take_turns(connection.client(), replica.family)
    next(turns)
    assert sync.sync(connection.client(), UID) == sync.Outcome()
    assert present(replica).count == 0
    assert next(turns, None) is not None
    turns.close()
    sync.sync(connection.client(), UID)
    assert present(replica).count == 1


def test_lease_of_another_is_not_released(replica) -> None:
    held = lease.Lease(connection.client(), replica.family, "mine")
    connection.client().set(replica.family.lease, "theirs")
    held.release()
    assert not held.renew()
    assert connection.client().get(replica.family.lease) == b"theirs"


def test_many_workers_at_once_apply_each_change_once(replica) -> None:
    for number in range(50):
        put(f"n{number}")

    def work() -> None:
        for _ in range(5):
            sync.sync(connection.client(), UID)
        connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sync.sync(connection.client(), UID)
    assert (present(replica).count, present(replica).entries) == (50, 50)


def test_change_of_a_source_wakes_its_replica_after_the_commit(replica, published) -> None:
    rows.forget()
    with objects.writing([key("a")]) as transaction_:
        pending = transaction_.put(key("a"), thing("a"))
    with transaction.atomic():
        receivers.wake_replicas(sender=None, change=pending.written)
        assert published == []
    assert len(published) == 1


def test_change_of_anything_else_wakes_nobody(replica, published) -> None:
    for it in (key("a", cluster="beta"), key("a", resource="thingsandmore"), key("a", identity="x")):
        with objects.writing([it]) as transaction_:
            pending = transaction_.put(it, thing("a"))
        receivers.wake_replicas(sender=None, change=pending.written)
    assert published == []


def test_redis_that_is_away_fails_no_writer(replica, published, monkeypatch) -> None:
    away = connection.connect("unix:///nowhere/redis.sock", timeout_seconds=0.2)
    with monkeypatch.context() as patch:
        patch.setattr(connection, "hasty_client", lambda: away)
        patch.setattr(wake, "_asks_again_at", 0.0)
        wake.wake(replica.family)
        assert published == []
        assert wake._asks_again_at > 0


@pytest.mark.parametrize("need", ["change", "meta", "objects", "selection"])
def test_sweep_wakes_who_has_work(replica, published, need) -> None:
    put("a")
    sync.sync(connection.client(), UID)
    if need == "change":
        put("b")
    elif need == "selection":
        rows.declare(UID, THINGS, "things", "v1", {"matchLabels": {"a": "b"}})
    else:
        now = present(replica)
        connection.client().delete(
            replica.family.meta if need == "meta" else replica.family.objects(now.epoch)
        )
    sweeping.sweep(connection.client(), "root")
    assert [args for _, args in published] == [(UID,)]


def test_sweep_publishes_nothing_when_nothing_is_due(replica, published) -> None:
    put("a")
    sync.sync(connection.client(), UID)
    other("x")
    sweeping.sweep(connection.client(), "root")
    published.clear()
    sweeping.sweep(connection.client(), "root")
    assert published == []
    row = Replica.objects.get(uid=UID)
    assert (row.count, row.cursor) == (1, present(replica).cursor)


def test_quiet_replica_is_not_filled_again_when_the_log_is_compacted(replica) -> None:
    put("a")
    sync.sync(connection.client(), UID)
    for number in range(5):
        other(f"x{number}")
    audit.audit(connection.client(), rows.find(UID))
    before = present(replica)
    assert before.cursor == revisions.newest().value
    compaction.compact(max_age_seconds=3600, max_rows=1)
    sync.sync(connection.client(), UID)
    assert present(replica).epoch == before.epoch


def test_audit_of_a_right_replica_finds_nothing(replica) -> None:
    for number in range(3):
        put(f"n{number}")
    sync.sync(connection.client(), UID)
    assert audit.audit(connection.client(), rows.find(UID)) == []
    assert present(replica).epoch == 1


@pytest.mark.parametrize("damage", ["changed", "renamed", "strange"])
def test_audit_repairs_what_differs(replica, damage) -> None:
    for name in ("a", "b"):
        put(name)
    sync.sync(connection.client(), UID)
    client, now = connection.client(), present(replica)
    body, names = replica.family.objects(now.epoch), replica.family.index(now.epoch)
    if damage == "renamed":
        client.hset(body, "z", client.hget(body, "a"))
        client.hdel(body, "a")
        client.zadd(names, {"z": 0})
        client.zrem(names, "a")
    else:
        value = (
            client.hget(body, "a").replace(b'"spec":{}', b'"spec":{"x":1}') if damage == "changed" else b"?"
        )
        client.hset(body, "a", value)
    assert "a" in audit.audit(client, rows.find(UID))
    assert present(replica).epoch == now.epoch + 1
    assert audit.audit(client, rows.find(UID)) == []
    assert Replica.objects.get(uid=UID).drifts == 1


def test_task_for_a_replica_that_is_gone_does_nothing(replica) -> None:
    Replica.objects.all().delete()
    tasks.sync(UID)


def test_changed_counts_are_noted_once_for_many_changes(replica) -> None:
    reports._due_at.clear()
    for number in range(5):
        put(f"n{number}")
        tasks.sync(UID)
    (noted,) = Work.objects.filter(controller="cachedresource")
    assert (noted.cluster, noted.name) == (THINGS.cluster, "things")
    assert noted.sequence <= 2


def test_change_is_noted_again_when_another_process_has_worked_off_the_note(replica) -> None:
    reports._due_at.clear()
    for number in range(2):
        put(f"n{number}")
        tasks.sync(UID)
    Work.objects.all().delete()
    put("last")
    tasks.sync(UID)
    assert Work.objects.filter(controller="cachedresource").exists()


def test_change_is_noted_again_while_a_worker_counts(replica) -> None:
    reports._due_at.clear()
    for number in range(2):
        put(f"n{number}")
        tasks.sync(UID)
    (claimed,) = leases.claim(10, 15.0)
    put("last")
    tasks.sync(UID)
    assert not work.done(claimed)


def test_expired_log_is_noticed_by_the_sweep(replica, published) -> None:
    put("a")
    sync.sync(connection.client(), UID)
    for number in range(5):
        other(f"x{number}")
    compaction.compact(max_age_seconds=3600, max_rows=1)
    sweeping.sweep(connection.client(), "root")
    assert len(published) == 1
    sync.sync(connection.client(), UID)
    with pytest.raises(errors.Expired):
        replica.storage(THINGS).list(ListOptions(revision=2, exact=True))


@pytest.fixture
def uncounted(replica):
    """A replica of which nothing was reported."""
    reports._due_at.clear()
    Work.objects.all().delete()
    return replica


def has_report():
    return Work.objects.filter(controller="cachedresource", name="things").exists()


def test_change_that_an_audit_applies_is_reported(uncounted) -> None:
    put("a")
    audit.audit(connection.client(), rows.find(UID))
    assert present(uncounted).count == 1
    assert has_report()


def test_batch_before_an_error_is_reported(uncounted, monkeypatch) -> None:
    for number in range(40):
        put(f"n{number:02d}")
    apply, applied = writer.apply, []

    def failing(*args):
        if applied:
            raise redis.ConnectionError
        applied.append(1)
        return apply(*args)

    monkeypatch.setattr(writer, "apply", failing)
    tasks.sync(UID)
    assert present(uncounted).count > 0
    assert has_report()


def test_batch_before_the_end_of_the_task_is_reported(uncounted, monkeypatch) -> None:
    put("a")

    def stopped(*_):
        raise SystemExit

    monkeypatch.setattr(lease.Lease, "release", stopped)
    with pytest.raises(SystemExit):
        tasks.sync(UID)
    assert has_report()


def test_batch_whose_answer_was_lost_is_reported(uncounted, monkeypatch) -> None:
    put("a")
    apply, answers = writer.apply, []

    def repeated(*args):
        answers.append(apply(*args))
        return apply(*args) if len(answers) == 1 else answers[-1]

    monkeypatch.setattr(writer, "apply", repeated)
    tasks.sync(UID)
    assert answers[0] == "applied"
    assert has_report()


def test_sweep_reports_what_a_killed_worker_did_not(uncounted, published) -> None:
    put("a")
    sync.sync(connection.client(), UID)
    sweeping.sweep(connection.client(), "root")
    assert has_report()
    Work.objects.all().delete()
    sweeping.sweep(connection.client(), "root")
    assert not has_report()


def test_sweep_that_is_killed_while_it_reports_reports_again(uncounted, published, monkeypatch) -> None:
    put("a")
    sync.sync(connection.client(), UID)

    def killed(*_):
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(rows, "note_progress", killed)
        with pytest.raises(SystemExit):
            sweeping.sweep(connection.client(), "root")
    reports._due_at.clear()
    Work.objects.all().delete()
    sweeping.sweep(connection.client(), "root")
    assert has_report()


def test_nothing_is_reported_where_nothing_happened(uncounted) -> None:
    tasks.sync(UID)
    assert not has_report()


def error():
    return Replica.objects.get(uid=UID).error


def test_error_is_gone_when_a_worker_has_done_its_work(replica) -> None:
    rows.note_error(UID, "Redis does not answer")
    tasks.sync(UID)
    assert error() == ""


def test_error_stays_while_another_worker_is_at_it(replica) -> None:
    rows.note_error(UID, "Redis does not answer")
    turns = lease.take_turns(connection.client(), replica.family)
    next(turns)
    tasks.sync(UID)
    assert error()
    turns.close()


def test_error_of_a_quiet_replica_is_gone_after_the_sweep(replica, published) -> None:
    sweeping.sweep(connection.client(), "root")
    rows.note_error(UID, "Redis does not answer")
    sweeping.sweep(connection.client(), "root")
    assert error() == ""


def test_error_of_a_replica_that_is_not_well_stays(replica, published) -> None:
    sweeping.sweep(connection.client(), "root")
    rows.note_error(UID, "Redis does not answer")
    connection.client().delete(replica.family.meta)
    sweeping.sweep(connection.client(), "root")
    assert error()


def test_success_writes_no_row(replica) -> None:
    tasks.sync(UID)
    with CaptureQueriesContext(database) as captured:
        tasks.sync(UID)
    assert not [query["sql"] for query in captured if not query["sql"].startswith("SELECT")]
