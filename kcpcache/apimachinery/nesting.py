"""How deep JSON values may be nested, so that whatever walks them recursively can."""

from __future__ import annotations

from typing import Any

MAX_LEVELS = 128


def is_too_deep(value: Any) -> bool:
    """Whether containers lie in each other more than `MAX_LEVELS` deep; walked level by level."""
    level = [value] if type(value) is dict or type(value) is list else []
    for _ in range(MAX_LEVELS):
        level = [
            child
            for parent in level
            for child in (parent.values() if type(parent) is dict else parent)
            if type(child) is dict or type(child) is list
        ]
        if not level:
            return False
    return bool(level)
