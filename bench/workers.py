"""P11: many CachedResources, all of their objects touched, brought up to date by 1, 2 and 4 Celery workers.

Each worker is `celery -A kcpcache worker --concurrency 1` as an operator adds it, started before the clock. In each
round every object of every CachedResource is changed while no worker listens, and the messages that say so are set
aside; when all workers wait for the queue they are put back at once, and the time runs until every replica in Redis has
come to its last change. The client only looks at one value in Redis every 20 ms. Throughput grows with the workers
until the cores end; `--core-share` limits each worker, so that they do not end so soon.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import coreshare, figures, instance, manifests, progress, script
from bench.instance import PROJECT, Instance, NotReady
from bench.results import Result
from supervisor import datadir, embedded

LONGEST_SECONDS = 300.0
_IDLE_QUEUE = "bench-idle"
_QUEUE, _ASIDE = "replication", "bench-aside"
_LOOK_SECONDS = 0.02
_LISTEN_SECONDS = (
    2.5  # a worker takes up a new queue when its present wait for messages ends, at most a second
)


@dataclass(frozen=True, slots=True)
class Load:
    """What is touched in a round."""

    clusters: list[str]
    objects: int


def add_options(parser: argparse.ArgumentParser) -> None:
    """Sizes and rounds."""
    parser.add_argument("--workers", type=script.sizes, default=[1, 2, 4], help="numbers of workers")
    parser.add_argument("--cachedresources", type=int, default=200, help="one a workspace; default: 200")
    parser.add_argument("--objects", type=int, default=100, help="of each CachedResource; default: 100")
    parser.add_argument("--rounds", type=int, default=3, help="default: 3")
    parser.add_argument(
        "--core-share",
        type=float,
        metavar="SHARE",
        help="of one core for each worker, such as 0.25 (root only)",
    )


def measure(_: Instance, options: argparse.Namespace) -> list[Result]:
    """One result for each number of workers."""
    with instance.directory() as directory, _prepared(directory) as environment:
        load = _loaded(options.cachedresources, options.objects)
        return [_measure(load, count, options, environment) for count in options.workers]


@contextlib.contextmanager
def _prepared(directory: Path) -> Iterator[dict[str, str]]:
    """A database with its tables and a Redis, which this process uses as well; the environment of workers."""
    environment = instance.environment(directory, instance.free_port())
    os.environ.update(environment, DJANGO_SETTINGS_MODULE="kcpcache.settings", CELERY_SKIP_CHECKS="1")
    socket_path = directory / "redis" / "redis.sock"
    datadir.make_private(socket_path.parent)
    command = embedded.command(socket_path, socket_path.parent)
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as redis:
        try:
            _await(lambda: embedded.answers(socket_path), "Redis")
            subprocess.run(
                [sys.executable, str(PROJECT / "manage.py"), "prepare"], env=environment, check=True
            )
            import django

            django.setup()
            yield {**environment, "CELERY_SKIP_CHECKS": "1"}
        finally:
            redis.terminate()


def _loaded(count: int, objects: int) -> Load:
    """Workspaces with a CachedResource each, their controllers worked off and their replicas filled here."""
    from replication import rows, tasks
    from workspaces import tasks as controllers
    from workspaces.registry import client
    from workspaces.store import tenants, work

    progress.say(f"P11: {count:,} CachedResources of {objects:,} objects")
    clusters = [f"bench{number:05d}" for number in range(count)]
    for cluster in clusters:
        tenants.add(cluster, f"root:{cluster}", parent="root", name=cluster)
        crd = manifests.crd()
        client.create(cluster, "apiextensions.k8s.io", "customresourcedefinitions", crd)
    _work_off(controllers, work)
    for cluster in clusters:
        _touch(cluster, objects, serial=0)
        client.create(cluster, "cache.kcp.io", "cachedresources", manifests.cached_resource())
    _work_off(controllers, work)
    for source in rows.all_sources():
        tasks.sync(source.uid)
    _work_off(controllers, work)
    return Load(clusters, objects)


def _work_off(controllers: Any, work: Any) -> None:
    while work.due(1):
        controllers.reconcile_due()


def _touch(cluster: str, objects: int, serial: int) -> None:
    """Create or change every object of a workspace in one transaction."""
    from kcpcache.apimachinery.storage import Key
    from workspaces.store import objects as store

    keys = [
        Key(cluster, manifests.GROUP, manifests.RESOURCE, "", "", manifests.name(number))
        for number in range(objects)
    ]
    with store.writing(keys) as transaction:
        for number, key in enumerate(keys):
            made = manifests.flavour(number, serial)
            uid = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{cluster}/{number}"))
            made["metadata"] |= {"uid": uid, "creationTimestamp": "2025-01-01T00:00:00Z"}
            transaction.put(key, made)


def _measure(load: Load, workers: int, options: argparse.Namespace, environment: dict[str, str]) -> Result:
    rounds: int = options.rounds
    share: float | None = options.core_share
    total = len(load.clusters) * load.objects
    progress.say(f"P11: {workers} workers, {rounds} rounds of {total:,} changes")
    times = []
    with _workers(workers, environment, share) as names:
        for number in range(rounds):
            times.append(_round(load, names, serial=workers * 1000 + number + 1))
    return Result(
        workload="P11",
        case=f"all objects touched, {workers} workers",
        sizes={"workers": workers, "CachedResources": len(load.clusters), "objects each": load.objects},
        figures=figures.of(times, sum(times), each=total),
        unit="changes",
        notes=(
            f"one process a worker; {os.cpu_count()} cores, shared with Redis and SQLite",
            *([f"each worker limited to {share:g} of a core"] if share else []),
        ),
    )


@contextlib.contextmanager
def _workers(count: int, environment: dict[str, str], share: float | None) -> Iterator[list[str]]:
    """Workers that listen to a queue in which nothing comes, until they are told otherwise; their names."""
    from replication.insight import workers

    names = [f"bench{number}of{count}@localhost" for number in range(count)]
    command = [sys.executable, "-m", "celery", "--quiet", "-A", "kcpcache", "worker", "-Q", _IDLE_QUEUE]
    processes = [
        subprocess.Popen(
            [*command, "--concurrency", "1", "-n", name],
            env=environment,
            cwd=PROJECT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for name in names
    ]
    with contextlib.ExitStack() as limits:
        try:
            for process in processes if share else ():
                limits.enter_context(coreshare.of_a_core(share or 1.0, process.pid))
            _await(lambda: {worker.name for worker in workers.alive()} >= set(names), "the workers")
            yield names
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                process.wait(30)


def _round(load: Load, names: list[str], serial: int) -> float:
    """Seconds from the moment the workers are told until every replica has seen every change."""
    import celery

    from replication import rows
    from workspaces import hints
    from workspaces.store import revisions

    wanted = {}
    for cluster in load.clusters:
        _touch(cluster, load.objects, serial)
        wanted[cluster] = revisions.newest().value
    pending = [(source.family, wanted[source.collection.cluster]) for source in rows.all_sources()]
    hints.flush(10.0)
    control = celery.current_app.control
    with celery.current_app.connection_for_write() as broker:
        channel: Any = broker.default_channel
        queues = channel.client  # the broker's Redis
        queues.rename(_QUEUE, _ASIDE)
        control.broadcast("add_consumer", {"queue": _QUEUE}, destination=names)
        time.sleep(_LISTEN_SECONDS)
        started = time.perf_counter()
        queues.rename(_ASIDE, _QUEUE)
    _await(lambda: _is_synced(pending), "the replicas")
    seconds = time.perf_counter() - started
    control.broadcast("cancel_consumer", {"queue": _QUEUE}, destination=names, reply=True, timeout=2.0)
    return seconds


def _is_synced(pending: list[tuple[Any, int]]) -> bool:
    """Whether all have come to their revisions; forgets those that have, and looks at one of the others only."""
    from replication.replica import connection

    client = connection.client()
    while pending:
        family, revision = pending[-1]
        if int(client.hget(family.meta, "cursor") or 0) < revision:
            return False
        pending.pop()
    return True


def _await(condition: Any, what: str) -> None:
    deadline = time.monotonic() + LONGEST_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise NotReady(f"{what} did not come within {LONGEST_SECONDS:.0f} s")
        time.sleep(_LOOK_SECONDS)


WORKLOAD = script.Workload(
    "P11",
    __doc__,
    add_options,
    measure,
    quick=("--workers", "1,2", "--cachedresources", "4", "--objects", "10", "--rounds", "1"),
    needs_server=False,
)

if __name__ == "__main__":
    script.main(WORKLOAD)
