"""Finding objects by value, and values that only one may hold."""

from __future__ import annotations

import pytest

from tests.contract.harness import key, thing
from tests.contract.reading import together
from workspaces import models
from workspaces.store import objects, revisions
from workspaces.store.objects import IndexEntry, UniqueTaken

pytestmark = pytest.mark.usefixtures("database")


def put(name, *entries, cluster="alpha"):
    with objects.writing([key(name, cluster=cluster)]) as tx:
        return tx.put(key(name, cluster=cluster), thing(name), indexes=entries)


def found(index, value, cluster=None):
    return [(record.key.cluster, record.key.name) for record in objects.find(index, value, cluster)]


def test_objects_are_found_by_their_values() -> None:
    put("a", IndexEntry("owner", "x"), IndexEntry("export", "x"))
    put("b", IndexEntry("owner", "x"), IndexEntry("owner", "y"))
    put("c", IndexEntry("owner", "x"), cluster="beta")
    assert found("owner", "x") == [("alpha", "a"), ("alpha", "b"), ("beta", "c")]
    assert found("owner", "x", "alpha") == [("alpha", "a"), ("alpha", "b")]
    assert found("owner", "y") == [("alpha", "b")]
    assert found("export", "y") == []


def test_values_follow_the_object() -> None:
    put("a", IndexEntry("owner", "x"), IndexEntry("owner", "y"))
    put("a", IndexEntry("owner", "y"), IndexEntry("owner", "z"))
    assert [found("owner", value) for value in "xyz"] == [[], [("alpha", "a")], [("alpha", "a")]]
    put("a")
    assert models.Index.objects.count() == 0
    put("a", IndexEntry("owner", "x"))
    with objects.writing([key("a")]) as tx:
        tx.delete(key("a"))
    assert models.Index.objects.count() == 0


def test_unique_value_is_held_by_one_object_of_a_cluster() -> None:
    entry = IndexEntry("endpoint", "u", unique=True)
    put("a", entry)
    before = revisions.newest()
    with pytest.raises(UniqueTaken) as caught:
        put("b", entry)
    assert (caught.value.entry, caught.value.holder_name) == (entry, "a")
    assert revisions.newest() == before
    assert objects.get(key("b")) is None
    put("b", entry, cluster="beta")
    put("c", IndexEntry("endpoint", "u"))
    put("a", entry)


def test_unique_value_is_free_once_it_is_given_up() -> None:
    entry = IndexEntry("endpoint", "u", unique=True)
    put("a", entry)
    put("a")
    put("b", entry)
    with objects.writing([key("b"), key("c")]) as tx:
        tx.put(key("c"), thing("c"), indexes=[entry])
        tx.delete(key("b"))
    assert found("endpoint", "u") == [("alpha", "c")]


def test_unique_value_cannot_be_claimed_twice_in_one_transaction() -> None:
    entries = [IndexEntry("endpoint", "u", unique=True) for _ in range(2)]
    with pytest.raises(UniqueTaken) as caught, objects.writing([key("a"), key("b")]) as tx:
        tx.put(key("a"), thing("a"), indexes=[entries[0]])
        tx.put(key("b"), thing("b"), indexes=[entries[1]])
    assert caught.value.holder_name == "a"


def test_unique_value_is_claimed_before_the_first_flush() -> None:
    with objects.writing([key("a"), key("b")]) as tx:
        tx.put(key("a"), thing("a"))
        tx.flush()
        tx.put(key("b"), thing("b"), indexes=[IndexEntry("owner", "x")])
    with pytest.raises(RuntimeError), objects.writing([key("a"), key("b")]) as tx:
        tx.put(key("a"), thing("a"))
        tx.flush()
        tx.put(key("b"), thing("b"), indexes=[IndexEntry("owner", "x", unique=True)])


@pytest.mark.parametrize("attempt", range(3))
def test_race_for_a_unique_value_has_one_winner(attempt: int) -> None:
    entry = IndexEntry("endpoint", "u", unique=True)

    def claim(name: str) -> str:
        try:
            put(name, entry)
        except UniqueTaken as taken:
            return taken.holder_name
        return "won"

    contenders = [f"n{number}" for number in range(6)]
    outcomes = together(*(lambda name=name: claim(name) for name in contenders))
    assert outcomes.count("won") == 1
    winner = contenders[outcomes.index("won")]
    assert set(outcomes) == {"won", winner}
    assert found("endpoint", "u") == [("alpha", winner)]
