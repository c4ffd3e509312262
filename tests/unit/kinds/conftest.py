"""The store of the controllers' tests, and one workspace in it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.unit.controllers.conftest import root, workspace

__all__ = ["cluster", "root", "workspace"]


@pytest.fixture
def cluster(workspace: Callable[..., str]) -> str:
    """The logical cluster of ``root:cloud``."""
    return workspace("cloud")
