"""Kinds that are stored, listed and watched, and nothing more."""

from __future__ import annotations

from workspaces.kinds import kind
from workspaces.registry.strategy import Strategy


class PlainStrategy(Strategy):
    """A kind without generation."""

    has_generation = False


SERVICE_ACCOUNTS = kind.load("serviceaccounts", PlainStrategy())
