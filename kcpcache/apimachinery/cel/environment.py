"""Compiles CEL expressions in the environment that Kubernetes gives to validation rules.

`self` and `oldSelf` are dyn: what the schema says about them is checked when the rule runs.
Source: Kubernetes, "Extend the Kubernetes API with CustomResourceDefinitions", "Validation rules".
"""

from __future__ import annotations

import functools
from typing import Any

from cel_expr_python import cel

from kcpcache.apimachinery.cel import budget, lists, networks, quantities, regex, strings, syntax, urls

_EXTENSIONS = ("optional", "sets", "cel.lib.ext.comprev2")


class ExpressionError(Exception):
    """An expression that does not compile, or whose result has the wrong type."""


@functools.lru_cache(maxsize=8192)
def compile_expression(expression: str, result: str, *, optional_old_self: bool = False) -> Any:
    """The program of an expression, remembered by its text.

    Args:
        expression: the text of a rule or of a messageExpression.
        result: the type it must have, ``BOOL`` or ``STRING``.
        optional_old_self: `oldSelf` is an optional; the program then reads it from the list `old__`,
            which has no or one element.
    Raises:
        ExpressionError: it does not compile, costs too much or has another type.
    """
    if budget.is_exceeded(expression):
        raise ExpressionError("estimated rule cost exceeds budget")
    expression = syntax.renamed(expression, "matches", regex.MATCHES)
    try:
        program = _environment("self", "oldSelf").compile(expression)
        if optional_old_self:
            # The binding cannot pass an optional in, so the expression makes one itself.
            wrapped = f"cel.bind(oldSelf, old__[?0], ({expression}\n))"
            program = _environment("self", "old__", bindings=True).compile(wrapped)
    except (RuntimeError, ValueError, MemoryError) as error:
        raise ExpressionError(f"compilation failed: {_brief(error)}") from error
    if program.return_type().name() not in (result.lower(), result, "dyn", "DYN"):
        raise ExpressionError(f"must evaluate to {'a bool' if result == 'BOOL' else 'a string'}")
    return program


@functools.cache
def _environment(*variables: str, bindings: bool = False) -> Any:
    names = (*_EXTENSIONS, "bindings") if bindings else _EXTENSIONS
    config = cel.NewEnvConfigFromYaml("extensions:\n" + "".join(f"- name: {name}\n" for name in names))
    declarations = [
        declaration
        for library in (lists, networks, quantities, regex, strings, urls)
        for declaration in library.declarations()
    ]
    return cel.NewEnv(
        config=config,
        variables={name: cel.Type.LIST if name == "old__" else cel.Type.DYN for name in variables},
        functions=_merged(declarations),
    )


def _merged(declarations: list[tuple[str, list[Any]]]) -> list[Any]:
    """One declaration a name: libraries share names such as `ip` and `indexOf`."""
    overloads: dict[str, list[Any]] = {}
    for name, added in declarations:
        overloads.setdefault(name, []).extend(added)
    return [cel.FunctionDecl(name, found) for name, found in overloads.items()]


def _brief(error: BaseException) -> str:
    text = (
        str(error)
        .removeprefix("INVALID_ARGUMENT: ")
        .removesuffix(" [INVALID_ARGUMENT]")
        .replace(regex.MATCHES, "matches")
    )
    return text[:1000]
