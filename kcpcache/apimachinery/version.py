"""The order of API versions: ``v2 > v1 > v1beta2 > v1beta1 > v1alpha1 > anything else``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TypeAlias

SortKey: TypeAlias = tuple[int, int, int, int, str]

_VERSION = re.compile(r"v([1-9][0-9]{0,17})(?:(alpha|beta)([1-9][0-9]{0,17}))?")
_STABILITY = {None: 2, "beta": 1, "alpha": 0}


def sort_key(version: str) -> SortKey:
    """A key under which the preferred version comes first.

    Kubernetes' versions come by stability, then number, the highest first; all others follow in the order
    of the alphabet (k8s.io/apimachinery/pkg/version, `CompareKubeAwareVersionStrings`).
    """
    if not (found := _VERSION.fullmatch(version)):
        return (1, 0, 0, 0, version)
    return (0, -_STABILITY[found[2]], -int(found[1]), -int(found[3] or 0), "")


def preferred_first(versions: Iterable[str]) -> list[str]:
    """The versions in discovery's order."""
    return sorted(versions, key=sort_key)


def compare(left: str, right: str) -> int:
    """Positive if `left` is preferred to `right`, negative if `right` is, 0 if they are the same."""
    left_key, right_key = sort_key(left), sort_key(right)
    return (left_key < right_key) - (left_key > right_key)
