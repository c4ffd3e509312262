"""What a URL prefix addresses: ``/clusters/…`` and the virtual workspaces below ``/services/…``.

Every prefix has a factory; the apps register theirs from `ready()`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from kcpcache.apimachinery.descriptor import Descriptor

Resources = Mapping[tuple[str, str, str], Descriptor]


class Address(Protocol):
    """The part of a request that names a scope (`apiserver.requestinfo.RequestInfo` has it)."""

    prefix: str
    prefix_args: tuple[str, ...]
    cluster: str


class Scope(Protocol):
    """See `kcpcache.apiserver.backend.Scope`; stated again because this layer does not know HTTP."""

    cluster: str
    path: str

    def resources(self) -> Resources: ...

    def storage(self, descriptor: Descriptor) -> Any: ...

    def refusal(self, descriptor: Descriptor, verb: str) -> str: ...

    def discovery_token(self) -> str: ...


# fresh: may read the database. known: memory alone, None when that does not suffice.
Factory = Callable[[Address, bool], "Scope | None"]

_factories: dict[str, Factory] = {}


def register(prefix: str, factory: Factory) -> None:
    """Make a prefix known. The factory gets the address and whether it may read the database."""
    _factories[prefix] = factory


def factory_of(prefix: str) -> Factory | None:
    """The factory of a prefix."""
    return _factories.get(prefix)
