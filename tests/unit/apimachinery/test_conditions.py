from __future__ import annotations

import pytest

from kcpcache.apimachinery import conditions


@pytest.mark.parametrize(
    ("type", "status", "is_good"),
    [
        ("Ready", "True", True),
        ("Ready", "False", False),
        ("Drifted", "True", False),
        ("Drifted", "False", True),
        ("Terminating", "True", False),
        ("NamespaceContentRemaining", "False", True),
        ("Ready", "Unknown", None),
        ("Drifted", "Unknown", None),
        ("Ready", "maybe", None),
    ],
)
def test_what_a_condition_says_depends_on_its_type(type: str, status: str, is_good: bool | None) -> None:
    assert conditions.is_good({"type": type, "status": status}) is is_good


def test_condition_without_a_status_says_nothing() -> None:
    assert conditions.is_good({"type": "Ready"}) is None
