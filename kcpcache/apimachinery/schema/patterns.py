"""Regular expressions of `pattern`: Go's syntax, linear time, bounded memory.

Linear in the text, that is, and in the size of the program that the expression compiles to: their product is what a
match may cost, and it is paid from the purse of the validation.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import re2

from kcpcache.apimachinery import spending

MAX_PROGRAM_SIZE = 20_000  # steps of a new schema's expression; ``.{0,1000}`` has 9,000
_MAX_MEMORY_BYTES = 2 << 20
_COST_OF_A_STEP = 4  # at worst; most texts are done without looking at each step
_FREE_UNITS = 4096  # what ordinary names cost is lost in what everything else costs
_LARGE_UNITS = 1 << 20  # from which on the short cut of a set is none: at worst all is done twice


class PatternError(Exception):
    """The expression does not compile, or needs too much memory."""


class Pattern:
    """A compiled expression."""

    def __init__(
        self, text: str, program_size: int, occurs: Callable[[str], bool], search: Callable[[str], bool]
    ) -> None:
        self.text = text
        self.program_size = program_size
        self._occurs = occurs
        self._search = search

    def occurs(self, text: str) -> bool:
        """Whether it occurs in a text.

        Raises:
            spending.Exhausted: the validation has spent too much to find that out.
        """
        units = len(text) * self.program_size
        if units > _FREE_UNITS and not spending.pay(_COST_OF_A_STEP * units):
            raise spending.Exhausted(
                f"the pattern '{self.text[:200]}' is too costly for a text of {len(text)} characters: "
                "shorten the text or simplify the pattern"
            )
        # A set says no as well when it runs out of memory; `search` then has another way.
        return (units <= _LARGE_UNITS and self._occurs(text)) or self._search(text)


@functools.lru_cache(maxsize=512)
def compiled(pattern: str) -> Pattern:
    """The expression, remembered by its text.

    Raises:
        PatternError: it is no regular expression of Go's.
    """
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MAX_MEMORY_BYTES
    try:
        found = re2.compile(pattern, options)
        # A set of one answers without the spans that `search` computes, four times as fast.
        one = re2.Set.SearchSet(options)
        one.Add(pattern)
        one.Compile()
    except (re2.error, UnicodeEncodeError) as error:
        raise PatternError(str(error)) from error
    return Pattern(
        pattern,
        found.programsize,
        lambda text: bool(one.Match(text)),
        lambda text: found.search(text) is not None,
    )


def new(pattern: str) -> Pattern:
    """The expression of a schema that is about to be stored.

    Raises:
        PatternError: see `compiled`; or its program is so large that hardly any text could be held against it.
    """
    found = compiled(pattern)
    if found.program_size > MAX_PROGRAM_SIZE:
        raise PatternError(
            f"it is too large: it compiles to {found.program_size} steps, and {MAX_PROGRAM_SIZE} are allowed"
        )
    return found
