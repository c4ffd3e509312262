"""What can be said of a CEL expression from its text alone."""

from __future__ import annotations

import itertools
import re

import re2

# RE2, for each search of an unfinished literal would read to the end.
_LITERAL = re2.compile(r""""(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""")
_OLD_SELF = re.compile(r"\boldSelf\b")


def split_literals(expression: str) -> tuple[list[str], list[str]]:
    """The code between string literals (always one piece more), and the literals."""
    return _LITERAL.split(expression), _LITERAL.findall(expression)


def renamed(expression: str, function: str, name: str) -> str:
    """The expression with another name for each call of a function or method."""
    call = re.compile(rf"\b{function}(?=\s*\()")
    code, literals = split_literals(expression)
    pieces = [call.sub(name, piece) for piece in code]
    return "".join(map("".join, itertools.zip_longest(pieces, literals, fillvalue="")))


def uses_old_self(expression: str) -> bool:
    """Whether the expression reads `oldSelf`, which makes its rule a transition rule."""
    return any(_OLD_SELF.search(code) for code in split_literals(expression)[0])
