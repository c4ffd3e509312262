"""Secrets that people choose: told apart from those that can be guessed."""

from __future__ import annotations

SHORTEST_KEY = 32  # characters
_FEWEST_DIFFERENT = 12  # characters; 32 random hex digits have fewer once in a hundred thousand times
_SHORTEST_REST = 8  # characters
_PLACEHOLDERS = (
    "django-insecure",
    "changeme",
    "change-me",
    "change_me",
    "change this",
    "replace",
    "placeholder",
    "example",
    "secret",
    "password",
    "insecure",
    "your-",
    "your_",
    "dummy",
    "default",
    "0123456789",
    "12345678",
    "abcdefgh",
    "qwerty",
)


def weakness(key: str) -> str:
    """What is wrong with a key, as the end of a sentence about it; empty when nothing is."""
    if len(key) < SHORTEST_KEY:
        return f"has {len(key)} characters; it needs {SHORTEST_KEY} or more"
    if any(word in key.lower() for word in _PLACEHOLDERS):
        return "is a placeholder, or has one in it"
    if len(set(key)) < _FEWEST_DIFFERENT:
        return f"has only {len(set(key))} different characters"
    return ""


def is_placeholder(password: str) -> bool:
    """Whether little is left of a password without the words that documentation puts where a secret is to be."""
    rest = password.lower()
    for word in _PLACEHOLDERS:
        rest = rest.replace(word, "")
    return len(rest) < _SHORTEST_REST
