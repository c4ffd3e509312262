"""What keeps the service from starting."""

from __future__ import annotations


class StartRefused(Exception):
    """The text is one sentence for the operator; it is printed alone, without a traceback."""
