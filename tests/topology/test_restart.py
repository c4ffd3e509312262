"""A rolling restart of the web processes under watches and writes: nothing is lost and nothing comes twice."""

from __future__ import annotations

import itertools
import threading
from contextlib import ExitStack

import pytest

from tests.e2e import catalogue
from tests.e2e.catalogue import FLAVOURS, flavour
from tests.topology.clients import Informer, create_somewhere
from tests.topology.deployment import Deployment
from tests.topology.watching import at
from tests.waiting import until

pytestmark = pytest.mark.e2e

FEWEST_WRITES = 40


def test_rolling_restart_loses_and_repeats_nothing(deployment: Deployment) -> None:
    provider = catalogue.publish(deployment.a, count=1)
    cloud = [at(provider.workspace, web) for web in deployment.webs]
    alice = [at(provider.consumer(), web) for web in deployment.webs]
    informers = [
        Informer(places[turn:] + places[:turn], FLAVOURS) for places in (cloud, alice) for turn in (0, 1)
    ]
    written: list[str] = []
    restarted = threading.Event()

    def write() -> None:
        places = itertools.cycle(cloud)
        while not restarted.is_set() or len(written) < FEWEST_WRITES:
            name = f"restart-{len(written)}"
            create_somewhere(places, FLAVOURS, flavour(name))
            written.append(name)

    with ExitStack() as stack:
        for informer in informers:
            stack.enter_context(informer.running())
        until(lambda: all(informer.watches for informer in informers), what="every watch to begin")
        writer = threading.Thread(target=write)
        writer.start()
        for web in deployment.webs:
            until(lambda: len(written) >= FEWEST_WRITES // 4, what="writes")
            assert web.container.stop() == 0, web.container.output()
            web.container.start().until_healthy()
        restarted.set()
        writer.join(60)
        until(
            lambda: all(len(informer.seen) >= len(written) for informer in informers),
            timeout_seconds=30,
            what="every watch to have everything",
        )
    for informer in informers:
        assert [(kind, name) for kind, name, _ in informer.seen] == [("ADDED", name) for name in written]
        revisions = [revision for _, _, revision in informer.seen]
        assert revisions == sorted(set(revisions))
        assert informer.watches > 1
    for place in (*cloud, *alice):
        assert place.names(FLAVOURS) == sorted(["cpu-1", *written])
