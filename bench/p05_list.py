"""P5: LIST all objects as a consumer, over TLS: whole, in pages of 500, and unchanged by ETag.

The client throws the bodies away as they come; the first one of each kind is decoded and checked. Decrypting 12 MB
takes it some milliseconds: its CPU time is told, and the floor is what the same client gets from a bare ASGI
application that answers as many bytes.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from urllib.parse import quote

import uvloop

from bench import catalogue, closedloop, connection, figures, floors, memory, processes, progress, script
from bench.api import Unexpected
from bench.catalogue import Catalogue
from bench.closedloop import Job
from bench.instance import Instance
from bench.results import Result

MANY_CLIENTS_UP_TO = 20_000  # objects; beyond it eight answers at once are more than a small machine holds


def add_options(parser: argparse.ArgumentParser) -> None:
    """Sizes, clients, duration."""
    parser.add_argument(
        "--sizes", type=script.sizes, default=[1000, 10_000, 100_000], help="objects, comma-separated"
    )
    parser.add_argument("--clients", type=int, default=8, help="besides one client alone; default: 8")
    parser.add_argument("--page", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=4.0, help="for each of four ways to ask; default: 4")


def measure(instance: Instance, options: argparse.Namespace) -> list[Result]:
    """Up to four results for each size."""
    return [result for objects in options.sizes for result in _measure(instance, objects, options)]


def _measure(instance: Instance, objects: int, options: argparse.Namespace) -> list[Result]:
    progress.say(f"P5: LIST of {objects:,} objects")
    with catalogue.published(instance, objects) as found:
        path = found.flavours()
        whole = connection.encode(instance.target, "GET", path)
        list_bytes = _checked(found)
        asked = _Asking(instance, objects, options.seconds)
        results = [asked.result("whole list, 1 client", [whole], 1, list_bytes, "lists")]
        if objects <= MANY_CLIENTS_UP_TO:
            case = f"whole list, {options.clients} clients"
            mark = "P5.lists" if objects == 10_000 else ""
            results.append(asked.result(case, [whole], options.clients, list_bytes, "lists", mark=mark))
        pages, page_bytes = _pages(found, options.page)
        mark = "P5.pages" if objects == 10_000 and options.page == 500 else ""
        case = f"pages of {options.page}, {options.clients} clients"
        results.append(asked.result(case, pages, options.clients, page_bytes, "pages", mark=mark))
        if etag := uvloop.run(_etag(instance, whole)):
            unchanged = connection.encode(instance.target, "GET", path, if_none_match=etag)
            case = f"unchanged by ETag, {options.clients} clients"
            results.append(asked.result(case, [unchanged], options.clients, 0, "lists", expected=(304,)))
    return results


class _Asking:
    """Asks in one way after the other."""

    def __init__(self, instance: Instance, objects: int, seconds: float) -> None:
        self._instance = instance
        self._objects = objects
        self._seconds = seconds

    def result(
        self,
        case: str,
        requests: Sequence[bytes],
        clients: int,
        size_bytes: int,
        unit: str,
        *,
        mark: str = "",
        expected: tuple[int, ...] = (200,),
    ) -> Result:
        """What came of one way, with its floor."""
        pid = self._instance.supervisor_pid
        with memory.Peak(pid) as peak, processes.shares(pid) as shares:
            job = Job(self._instance.target, requests, clients, self._seconds, expected=expected)
            samples = closedloop.run(job)
        floor, _ = floors.answers(size_bytes, clients)
        got = figures.of(samples.latencies, samples.wall_seconds)
        notes = closedloop.failure_notes(samples)
        if expected == (304,) and set(samples.refused) == {200} and not samples.broken:
            notes = (f"{samples.refused[200]} whole answers: the list's revision moved meanwhile",)
        if samples.latencies and samples.received_bytes / len(samples.latencies) < size_bytes * 0.5:
            notes = (*notes, "FAILED: answers are shorter than the first one")
        return Result(
            workload="P5",
            case=case,
            sizes={"objects": self._objects, "bytes": size_bytes},
            figures=got,
            unit=unit,
            floor=floor,
            memory_bytes=peak.pss_bytes,
            client_share=samples.client_share,
            server_shares=shares.by_role,
            marks={mark: got.rate} if mark else {},
            notes=notes,
        )


def _checked(found: Catalogue) -> int:
    """The bytes of a whole list, which has every object."""
    status, content = found.api.ask("GET", found.flavours())
    if status != 200 or len(json.loads(content)["items"]) != found.objects:
        raise Unexpected(f"LIST {found.flavours()}: {status} {content[:300]!r}")
    return len(content)


def _pages(found: Catalogue, limit: int) -> tuple[list[bytes], int]:
    """The requests for all pages, and the bytes of the first; every object is on one of them."""
    requests: list[bytes] = []
    items, first_bytes, token = 0, 0, ""
    while token or not requests:
        path = f"{found.flavours()}?limit={limit}" + (f"&continue={quote(token)}" if token else "")
        status, content = found.api.ask("GET", path)
        if status != 200:
            raise Unexpected(f"LIST {path}: {status} {content[:300]!r}")
        page = json.loads(content)
        items += len(page["items"])
        first_bytes = first_bytes or len(content)
        token = page["metadata"].get("continue", "")
        requests.append(connection.encode(found.instance.target, "GET", path))
    if items != found.objects:
        raise Unexpected(f"{len(requests)} pages hold {items} of {found.objects} objects")
    return requests, first_bytes


async def _etag(instance: Instance, request: bytes) -> str:
    asking = await connection.connect(instance.target)
    try:
        return (await asking.ask(request)).etag
    finally:
        asking.close()


WORKLOAD = script.Workload(
    "P5", __doc__, add_options, measure, quick=("--sizes", "50,1200", "--seconds", "1")
)

if __name__ == "__main__":
    script.main(WORKLOAD)
