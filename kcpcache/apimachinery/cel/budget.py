"""Bounds on what a validation rule may cost, since strangers write rules and objects.

The evaluator bounds iterations by itself and our functions bound what they return. What is left is `+`,
which multiplies strings and lists when it is chained through macros, and large strings and lists that are
read in every iteration. Kubernetes counts a cost; this estimates the worst, before anything is evaluated.
"""

from __future__ import annotations

import re
from typing import Any

import orjson

from kcpcache.apimachinery.cel import syntax

MAX_EXPRESSION_CHARS = 20_000
MAX_RESULT_CHARS = 1 << 20
MAX_RESULT_ITEMS = 10_000
MAX_GROWTH = 64
MAX_ITERATIONS = 10_000  # the evaluator's own limit
# Kubernetes allows ten million units an expression, and a unit is ten characters.
MAX_COST = 100_000_000
COST_OF_A_STEP = 4  # of a regular expression's program, for each character that it is held against
_SMALL_BYTES = MAX_COST // MAX_ITERATIONS
_LIST_ITEM_COST = 8

_CARRIERS = re.compile(r"\b(?:map|transformList|transformMap|transformMapEntry|bind|optMap|optFlatMap)\s*\(")
_LOOPS = re.compile(
    r"\b(?:all|exists|exists_one|existsOne|map|filter|transformList|transformMap|transformMapEntry)\s*\("
)


def loops(expression: str) -> int:
    """How many macros of the expression iterate, so how deep loops may be nested."""
    return len(_LOOPS.findall(" ".join(syntax.split_literals(expression)[0])))


def cost(values: list[Any], depth: int) -> int:
    """What evaluating an expression may cost at worst, in characters touched.

    Args:
        values: the JSON values it reads.
        depth: how deep its loops may be nested.
    """
    if depth == 0 or len(orjson.dumps(values)) <= _SMALL_BYTES:
        return 0
    elements, widest = 0, 0
    pending = list(values)
    while pending:
        value = pending.pop()
        if isinstance(value, str):
            widest = max(widest, len(value))
        elif isinstance(value, list | dict):
            elements += len(value)
            widest = max(widest, len(value) * _LIST_ITEM_COST)
            pending += value.values() if isinstance(value, dict) else value
    iterations: int = min(elements**2 if depth > 1 else elements, MAX_ITERATIONS)
    return iterations * widest


def is_exceeded(expression: str) -> bool:
    """Whether the expression is too long, or could make a value many times larger than the object."""
    if len(expression) > MAX_EXPRESSION_CHARS:
        return True
    code = " ".join(syntax.split_literals(expression)[0])
    additions = code.count("+")
    carriers = len(_CARRIERS.findall(code))
    # The worst case spreads the additions evenly over the macros that carry values on.
    levels = min(carriers, additions)
    return levels > 1 and (additions / levels + 1) ** levels > MAX_GROWTH


def bounded(text: str) -> str:
    """The text itself, refused if it is larger than any rule needs.

    Raises:
        ValueError: it is longer than `MAX_RESULT_CHARS`.
    """
    if len(text) > MAX_RESULT_CHARS:
        raise ValueError("call cost exceeds limit")
    return text
