"""verify_replica and reconcile, as people run them."""

from __future__ import annotations

import io
import json

import pytest
from django.core.management import CommandError, call_command

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
