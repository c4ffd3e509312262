"""verify_replica and reconcile, as people run them."""

from __future__ import annotations

import io
import json

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError

from replication.management import verification
from replication.replica import connection, meta, sync
from tests.contract.harness import key, thing
from tests.contract.replica import UID
from workspaces.store import objects


def put(name, **spec):
    with objects.writing([key(name)]) as transaction:
        transaction.put(key(name), thing(name, **spec))


def verify(*arguments):
    output = io.StringIO()
    try:
        call_command(
            "verify_replica", "--timeout-seconds", "0", "--output", "json", *arguments, stdout=output
        )
        code = 0
    except SystemExit as end:
        code = end.code
    return code, output.getvalue()


def test_equal_replica_is_fine(replica) -> None:
    put("a", text="\0")
    sync.sync(connection.client(), UID)
    code, output = verify()
    assert code == 0
    (report,) = json.loads(output)["replicas"]
    assert (report["count"], report["differences"]) == (1, [])


@pytest.mark.parametrize("damage", ["missing", "changed", "extra", "meta", "gone"])
def test_damage_is_found_and_repaired(replica, damage) -> None:
    for name in ("a", "b"):
        put(name)
    sync.sync(connection.client(), UID)
    client, now = connection.client(), meta.read(connection.client(), replica.family)
    body = replica.family.objects(now.epoch)
    if damage == "missing":
        client.hdel(body, "a")
    elif damage == "changed":
        client.hset(body, "a", client.hget(body, "a").replace(b'"Thing"', b'"Other"'))
    elif damage == "extra":
        client.hset(body, "z", client.hget(body, "a"))
    elif damage == "meta":
        client.hset(replica.family.meta, "count", 77)
    else:
        client.flushall()
    assert verify()[0] == 1
    assert verify("--repair")[0] == 1
    assert verify()[0] == 0


def test_stray_keys_are_reported(replica) -> None:
    connection.client().set("kcpcache:{root/nowhere/uid}:meta", "x")
    code, output = verify()
    assert code == 1
    assert json.loads(output)["strayKeys"] == ["kcpcache:{root/nowhere/uid}:meta"]


def test_reconcile_of_an_unknown_workspace_is_refused(replica) -> None:
    with pytest.raises(CommandError, match="no workspace"):
        call_command("reconcile", "root:nowhere")


BODIES = [
    b'{"metadata":null,"x":"\0"}',
    b'{"metadata":"x","y":"\0"}',
    b'{"metadata":{"resourceVersion":null},"x":"\0"}',
    b'{"metadata":{"resourceVersion":["1"]},"x":"\0"}',
    b'{"metadata":{"resourceVersion":1e999},"x":"\0"}',
    b'{"metadata":{"resourceVersion":5},"x":"\0"}',
    b'{"x":"\0"}',
    b'["\0"]',
    b'"\0"',
    b"null\0",
    b"\xff\0",
    b"\0",
    b"[" * 100_000 + b"\0",
]


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
def test_body_that_is_no_object_is_a_difference(replica, body) -> None:
    put("a")
    sync.sync(connection.client(), UID)
    client, now = connection.client(), meta.read(connection.client(), replica.family)
    client.hset(replica.family.objects(now.epoch), "a", body)
    code, output = verify("--repair")
    (report,) = json.loads(output)["replicas"]
    assert (code, report["repaired"]) == (1, True)
    assert "a: it is not an object" in report["differences"]
    assert verify()[0] == 0


@pytest.mark.parametrize("name", [b"\xff\xfe", b"a\xff", b""])
def test_name_that_is_not_utf8_is_a_difference(replica, name) -> None:
    put("a")
    sync.sync(connection.client(), UID)
    client, now = connection.client(), meta.read(connection.client(), replica.family)
    client.hset(replica.family.objects(now.epoch), name, b"{}")
    code, output = verify("--repair")
    (report,) = json.loads(output)["replicas"]
    assert code == 1
    assert f"{name.decode(errors='replace')} should not be there" in report["differences"]
    assert verify()[0] == 0


@pytest.mark.parametrize("damage", ["type of meta", "type of objects", "no count", "bytes of meta"])
def test_keys_that_are_not_a_replicas_are_a_difference(replica, damage) -> None:
    put("a")
    sync.sync(connection.client(), UID)
    client, now = connection.client(), meta.read(connection.client(), replica.family)
    if damage == "type of meta":
        client.delete(replica.family.meta)
        client.set(replica.family.meta, "x")
    elif damage == "type of objects":
        client.delete(replica.family.objects(now.epoch))
        client.lpush(replica.family.objects(now.epoch), "x")
    elif damage == "no count":
        client.hdel(replica.family.meta, "count")
    else:
        client.hset(replica.family.meta, "bytes", b"\xff")
    code, output = verify("--repair")
    assert code == 1
    (report,) = json.loads(output)["replicas"]
    assert report["differences"]
    assert report["repaired"]
    assert verify()[0] == 0


def test_stray_key_that_is_not_utf8_is_reported(replica) -> None:
    connection.client().set(b"kcpcache:{root/\xff", "x")
    assert json.loads(verify()[1])["strayKeys"] == ["kcpcache:{root/\ufffd"]


def test_redis_that_fails_during_the_repair_is_one_sentence(replica, monkeypatch) -> None:
    put("a")

    def refused(*_):
        raise connection.Error("OOM command not allowed")

    connection.client().flushall()
    monkeypatch.setattr(verification, "repair", refused)
    with pytest.raises(CommandError, match="OOM command not allowed"):
        verify("--repair")


def test_database_that_fails_is_one_sentence(replica, monkeypatch) -> None:
    def refused():
        raise OperationalError("disk I/O error")

    monkeypatch.setattr(verification, "replicas", refused)
    with pytest.raises(CommandError, match="does not answer: disk I/O error"):
        verify()


def test_text_says_what_was_filled_again(replica) -> None:
    put("a")
    connection.client().flushall()
    output = io.StringIO()
    with pytest.raises(SystemExit):
        call_command("verify_replica", "--timeout-seconds", "0", "--repair", stdout=output)
    assert "  there is no replica in Redis\n  filled again\n" in output.getvalue()
