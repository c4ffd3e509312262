import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kcpcache.apimachinery.apply import fieldset

ELEMENTS = ["f:a", "f:b", 'k:{"name":"x"}', "v:1", "i:0"]


@st.composite
def field_sets(draw: Any, depth: int = 3) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for element in draw(st.lists(st.sampled_from(ELEMENTS), unique=True, max_size=3)):
        below = draw(field_sets(depth - 1)) if depth else {}
        found[element] = {".": {}, **below} if below and draw(st.booleans()) else below
    return found


def members(fields: dict[str, Any]) -> set[str]:
    return set(fieldset.paths(fields))


@given(field_sets())
@settings(max_examples=60, deadline=None)
def test_field_sets_survive_the_wire(fields: dict[str, Any]) -> None:
    assert fieldset.parse(json.loads(fieldset.serialise(fields))) == fields


@given(field_sets(), field_sets())
@settings(max_examples=60, deadline=None)
def test_algebra_is_that_of_the_paths(left: dict[str, Any], right: dict[str, Any]) -> None:
    assert members(fieldset.union(left, right)) == members(left) | members(right)
    assert members(fieldset.intersection(left, right)) == members(left) & members(right)
    assert members(fieldset.difference(left, right)) == members(left) - members(right)
    assert fieldset.union(left, right) == fieldset.union(right, left)
    assert fieldset.difference(left, left) == {}
    assert fieldset.intersection(left, left) == left


def test_recursive_difference_takes_what_lies_below() -> None:
    left: dict[str, Any] = {"f:a": {".": {}, "f:b": {}, "f:c": {}}, "f:d": {"f:e": {}}}
    assert fieldset.recursive_difference(left, {"f:a": {}}) == {"f:d": {"f:e": {}}}
    assert fieldset.recursive_difference(left, {"f:d": {"f:e": {}}}) == {"f:a": left["f:a"]}
    assert fieldset.difference(left, {"f:a": {}}) == {"f:a": {"f:b": {}, "f:c": {}}, "f:d": {"f:e": {}}}


def test_keys_are_brought_into_one_order() -> None:
    assert fieldset.parse({'k:{"port": 80, "name":"x"}': {}}) == {'k:{"name":"x","port":80}': {}}


@pytest.mark.parametrize(
    "fields", [[], {"a": {}}, {"f:a": 1}, {"k:[]": {}}, {"k:{": {}}, {"i:x": {}}, {"v:": {}}]
)
def test_nonsense_is_no_field_set(fields: Any) -> None:
    with pytest.raises(ValueError, match=r".+"):
        fieldset.parse(fields)


def test_paths_are_shown_as_conflicts_show_them() -> None:
    fields: dict[str, Any] = {"f:spec": {'k:{"name":"x","port":80}': {"f:image": {}}, 'v:"a"': {}, "i:0": {}}}
    assert list(fieldset.paths(fields)) == ['.spec[name="x",port=80].image', '.spec[="a"]', ".spec[0]"]
