from typing import Any

import pytest

from kcpcache.apimachinery import equality


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (True, 1),
        (False, 0),
        (0.0, False),
        ({"a": True}, {"a": 1}),
        ([0], [False]),
        ({"a": [{"b": [1, True]}]}, {"a": [{"b": [True, 1]}]}),
        (None, False),
        ("1", 1),
        ({"a": None}, {}),
        ([1, 2], [2, 1]),
        ({}, []),
    ],
)
def test_different_values_are_not_equal(left: Any, right: Any) -> None:
    assert not equality.is_equal(left, right)
    assert not equality.is_equal(right, left)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (1, 1.0),
        ({"a": [1, {"b": True}]}, {"a": [1.0, {"b": True}]}),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        (None, None),
        ([], []),
    ],
)
def test_equal_values_are_equal(left: Any, right: Any) -> None:
    assert equality.is_equal(left, right)
    assert equality.is_equal(right, left)
