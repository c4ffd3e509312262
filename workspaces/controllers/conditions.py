"""Conditions, as controllers set them."""

from __future__ import annotations

from kcpcache.apimachinery.conditions import find, is_true, of, set_condition

__all__ = ["find", "is_true", "of", "set_condition"]
