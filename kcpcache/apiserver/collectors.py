"""What the apps add to `/metrics`: dotted paths, so that only a process that is scraped loads what they need."""

from __future__ import annotations

paths: list[str] = []


def add_collector(path: str) -> None:
    """Have each scrape ask a class (without arguments, with prometheus-client's `collect`); again is fine."""
    if path not in paths:
        paths.append(path)
