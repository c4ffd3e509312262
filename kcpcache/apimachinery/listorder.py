"""The order of a list merged from a server's and a client's items, as strategic merge patch defines it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any


def arranged(
    merged: list[Any],
    client_order: Iterable[Any],
    server_order: Iterable[Any],
    identity: Callable[[Any], Any],
) -> list[Any]:
    """`merged` with the client's items in the client's order and the others where the server had them.

    Args:
        merged: the items, each with its own identity.
        client_order: items whose relative order the client decides.
        server_order: items in the order they had before.
        identity: what tells two items apart (the merge key's value, or the scalar itself).
    """
    client_ranks = {identity(item): rank for rank, item in enumerate(client_order)}
    server_ranks = {identity(item): rank for rank, item in enumerate(server_order)}
    client_items = [item for item in merged if identity(item) in client_ranks]
    client_items.sort(key=lambda item: client_ranks[identity(item)])
    server_items = [item for item in merged if identity(item) not in client_ranks]
    server_items.sort(key=lambda item: server_ranks.get(identity(item), len(server_ranks)))
    result = []
    while client_items and server_items:
        client_rank = server_ranks.get(identity(client_items[0]))
        server_rank = server_ranks.get(identity(server_items[0]))
        comes_first = client_rank is not None and server_rank is not None and server_rank < client_rank
        result.append((server_items if comes_first else client_items).pop(0))
    return result + client_items + server_items
