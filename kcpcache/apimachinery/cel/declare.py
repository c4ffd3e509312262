"""Declares Python functions to the CEL evaluator, and the tagged maps that stand for foreign types.

The evaluator takes no Python object of a type of its own, so URLs, quantities, IPs and CIDRs are maps
with one key that no object of a user has by chance.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from cel_expr_python import cel

Declaration = tuple[str, list[Any]]

STRING, INT, BOOL, DOUBLE = cel.Type.STRING, cel.Type.INT, cel.Type.BOOL, cel.Type.DOUBLE
LIST, MAP, DYN = cel.Type.LIST, cel.Type.MAP, cel.Type.DYN
# A parameter declared dyn matches no value at run time, so what takes anything takes each of these.
ANYTHING = (STRING, INT, BOOL, DOUBLE, LIST, MAP, cel.Type.TIMESTAMP, cel.Type.DURATION, cel.Type.BYTES)


def function(name: str, impl: Callable[..., Any], returns: Any, *parameters: Any) -> Declaration:
    """A global function with one overload."""
    return name, [_overload(name, impl, returns, parameters, is_member=False)]


def method(name: str, impl: Callable[..., Any], returns: Any, *parameters: Any) -> Declaration:
    """A member function with one overload; the first parameter is the receiver."""
    return name, [_overload(name, impl, returns, parameters, is_member=True)]


def _overload(
    name: str, impl: Callable[..., Any], returns: Any, parameters: Sequence[Any], *, is_member: bool
) -> Any:
    kind = "member" if is_member else "global"
    identity = "_".join(["kcpcache", kind, name, *(parameter.name() for parameter in parameters)])
    for character in "<>, .":
        identity = identity.replace(character, "_")
    return cel.Overload(identity, returns, list(parameters), is_member, impl)


def tagged(tag: str, value: Any) -> dict[str, Any]:
    """The map that stands for a value of a foreign type."""
    return {f"__{tag}__": value}


def untagged(tag: str, value: dict[str, Any]) -> Any:
    """What `tagged` wrapped.

    Raises:
        ValueError: the map stands for something else.
    """
    key = f"__{tag}__"
    if len(value) != 1 or key not in value:
        raise ValueError("no such overload")
    return value[key]
