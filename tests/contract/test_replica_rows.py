"""The rows that say which replicas should exist, on each database."""

from __future__ import annotations

import pytest

from replication import rows
from replication.models import Replica
from replication.replica.keys import Family
from tests.contract.harness import THINGS
from tests.contract.replica import UID

pytestmark = pytest.mark.usefixtures("database")

SELECTOR = {"matchExpressions": [{"key": "tier", "operator": "In", "values": ["gold", "silver"]}]}


@pytest.fixture(autouse=True)
def _empty(database: str) -> None:
    Replica.objects.all().delete()
    rows.forget()


def test_statement_reads_what_the_model_has() -> None:
    row, _ = rows.declare(UID, THINGS, "things", "v1", SELECTOR)
    rows.raise_epoch(rows.source_of(row), 7)
    rows.note_progress(UID, 41, 2, 300)
    found = rows.find(UID)
    assert found == rows.source_of(Replica.objects.get(uid=UID))
    assert found is not None
    assert (found.epoch, found.cursor, found.selector_json) == (8, 41, SELECTOR)
    assert found.family == Family(row.shard, THINGS.cluster, UID)
    assert found.selector.matches({"tier": "silver"})


def test_replica_that_should_not_exist_is_not_found() -> None:
    assert rows.find(UID) is None
    rows.declare(UID, THINGS, "things", "v1", {})
    rows.note_deletion(UID)
    assert rows.find(UID) is None
