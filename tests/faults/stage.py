"""A provider and its consumer under watch: what each fault is run against, and the verdict afterwards."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from tests.e2e import catalogue
from tests.e2e.catalogue import FLAVOURS, Workspace, flavour
from tests.e2e.http import admin_token
from tests.faults import checker
from tests.faults.ledger import Ledger
from tests.faults.recorder import Recorder, Watcher
from tests.faults.records import Listing
from tests.faults.traffic import Reader, Writer
from tests.faults.wire import Endpoint
from tests.servers import Server
from tests.waiting import until

SETTLE_SECONDS = 10.0  # within which everything must be right again after the last fault


def endpoint(server: Server) -> Endpoint:
    """The server as its administrator reaches it."""
    return Endpoint(server.url, server.authority, admin_token(server))


@dataclass
class Stage:
    """One provider with flavours that are never touched besides those that writers make, and one consumer."""

    server: Server
    recorder: Recorder
    provider: Workspace
    consumer: Workspace
    ledger: Ledger = field(default_factory=Ledger)

    @property
    def source_path(self) -> str:
        """The flavours where they are written."""
        return self.provider.url(FLAVOURS)

    @property
    def path(self) -> str:
        """The flavours as the consumer reads them."""
        return self.consumer.url(FLAVOURS)

    def writer(self, pause_seconds: float = 0.0) -> Writer:
        """A writer to the provider's flavours, whose writes the verdict is about."""
        return Writer(self.recorder, self.source_path, self.ledger, pause_seconds)

    def reader(self) -> Reader:
        """A reader of the consumer's flavours."""
        return Reader(self.recorder, self.path, "cpu-1")

    def settle(self, timeout_seconds: float = SETTLE_SECONDS) -> tuple[Listing, Listing]:
        """Wait until all watchers have everything; the consumer's list and the provider's, of that moment."""
        source = self.recorder.read(self.source_path)
        newest = max((item.revision for item in source.items), default=0)
        newest = max([newest, *(write.revision for write in self.ledger.writes)])
        self.recorder.wait_for(newest, timeout_seconds)
        names = sorted(item.key[2] for item in source.items)

        def caught_up() -> Listing | None:
            listing = self.recorder.read(self.path)
            return listing if sorted(item.key[2] for item in listing.items) == names else None

        listing = until(caught_up, timeout_seconds=timeout_seconds, what="the consumer to have every object")
        assert listing is not None
        return listing, source

    def verdict(self, watchers: list[Watcher], listing: Listing, source: Listing) -> list[str]:
        """Every violation that the recordings and the present state show."""
        found = checker.kept(self.ledger, source)
        found += checker.equal_to_source(listing, source, self.consumer.cluster)
        for watcher in watchers:
            found += checker.history(watcher) + checker.delivered(watcher, self.ledger)
            found += checker.rebuilt(watcher, listing if watcher.path == self.path else source)
        return found

    def resumed_from_everywhere(self, watcher: Watcher, most: int = 40) -> list[str]:
        """Resume behind the events since the last list, some of them when there are many; the violations."""
        _, changes = list(checker.segments(watcher.entries))[-1]
        revisions = [change.seen.revision for change in changes]
        if not revisions:
            return []
        end = revisions.pop()
        chosen = revisions[:: max(1, len(revisions) // most)]
        return checker.resumable(watcher, self.recorder.replay(watcher.path, chosen, end), end)


def build(server: Server, recorder: Recorder, count: int = 5) -> Stage:
    """A provider with flavours cpu-1 … cpu-<count>, replicated, exported, and bound by one consumer."""
    provider = catalogue.publish(server, count=count)
    return Stage(server, recorder, provider.workspace, provider.consumer())


def end_marker(stage: Stage, name: str = "zz-end") -> int:
    """A last write, after which all is quiet; its revision."""
    made = stage.provider.create(FLAVOURS, flavour(name))
    return int(made["metadata"]["resourceVersion"])


def verify_replica(server: Server) -> list[str]:
    """I9: what `manage.py verify_replica` finds."""
    done = server.manage("verify_replica", "--output", "json", "--timeout-seconds", "5", check=False)
    report = json.loads(done.stdout)
    found = [
        f"{each['cachedResource']}: {text}" for each in report["replicas"] for text in each["differences"]
    ]
    return found + [f"stray key {key}" for key in report["strayKeys"]]


def moving(scene: Stage, count: int = 50) -> None:
    """Wait until the first watcher has seen this many changes more."""
    watcher = scene.recorder.watchers[0]
    before = len(watcher.changes)
    until(lambda: len(watcher.changes) >= before + count, timeout_seconds=30, what="changes to come through")


def assert_well(scene: Stage) -> None:
    """All is right within ten seconds from now, and was all the time."""
    listing, source = scene.settle()
    watchers = scene.recorder.watchers
    none(scene.verdict(watchers, listing, source))
    none(scene.resumed_from_everywhere(watchers[0]))
    none(verify_replica(scene.server))


def none(violations: list[str]) -> None:
    """AssertionError that tells the first violations, if there are any."""
    if violations:
        raise AssertionError(f"{len(violations)} violations:\n" + "\n".join(violations[:20]))
