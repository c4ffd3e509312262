"""What can be said of a CEL expression from its text alone."""

from __future__ import annotations

import re

import re2

# RE2, for each search of an unfinished literal would read to the end.
_LITERAL = re2.compile(r""""(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""")
_OLD_SELF = re.compile(r"\boldSelf\b")


def split_literals(expression: str) -> tuple[list[str], list[str]]:
    """The code between string literals (always one piece more), and the literals."""
    return _LITERAL.split(expression), _LITERAL.findall(expression)


def uses_old_self(expression: str) -> bool:
    """Whether the expression reads `oldSelf`, which makes its rule a transition rule."""
    return any(_OLD_SELF.search(code) for code in split_literals(expression)[0])
