"""The names a replica holds, page by page, in the order of their bytes."""

from __future__ import annotations

from collections.abc import Iterator

from replication.replica.connection import Client
from replication.replica.keys import Family


def pages(client: Client, family: Family, epoch: int, size: int) -> Iterator[list[bytes]]:
    """Pages of names; what is added or taken out behind the page that was read last is seen."""
    low = b"-"
    while True:
        names: list[bytes] = client.zrangebylex(family.index(epoch), low, b"+", start=0, num=size)
        if names:
            yield names
        if len(names) < size:
            return
        low = b"(" + names[-1]
