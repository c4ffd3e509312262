"""A session alone, over a mailbox that the test fills."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest

from kcpcache.apimachinery import fields, labels, objects, storage
from kcpcache.apimachinery.mailbox import Mailbox
from kcpcache.apimachinery.storage import Event, Feed, Key
from kcpcache.apiserver import forms, streaming
from kcpcache.apiserver.listoptions import Parsed, Selection
from tests.unit.apiserver.backends import CLUSTER, MEMORY_FLAVOR

KEY = Key(CLUSTER, MEMORY_FLAVOR.group, MEMORY_FLAVOR.plural, "", "", "a")


class Followed:
    """A mailbox with the position of who fills it, and a session that reads it."""

    def __init__(self, selector: str = "") -> None:
        self.mailbox: Mailbox[Event] = Mailbox()
        self.revision = 0
        selection = Selection(labels.parse(selector), fields.parse("", ()))
        feed = Feed(0, [], [], self.mailbox, lambda: self.revision, lambda: None)
        renderer = forms.EventRenderer(MEMORY_FLAVOR, forms.AsStored(MEMORY_FLAVOR))
        parsed = Parsed(storage.ListOptions(), selection, timeout_seconds=600, bookmarks=True)
        self.session = streaming.Session(feed, parsed, renderer)

    def put(self, count: int, size_bytes: int = 1, **event_labels: str) -> None:
        events = []
        for _ in range(count):
            self.revision += 1
            metadata = {"name": "a", "resourceVersion": str(self.revision)}
            body = objects.encode({"metadata": metadata, "spec": {"text": "x" * size_bytes}})
            events.append(Event("MODIFIED", self.revision, KEY, body, event_labels, body, event_labels))
        self.mailbox.put(events)

    async def next(self) -> list[Any]:
        """The lines of the next chunk, which is no longer than it may be."""
        chunk = await asyncio.wait_for(anext(self.session), 10)
        *others, last = chunk.splitlines(keepends=True)
        assert sum(map(len, others)) < streaming.CHUNK_BYTES, len(last)
        return [orjson.loads(line) for line in chunk.splitlines()]


def test_what_has_piled_up_is_sent_in_chunks_and_bookmarks_pass_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(streaming, "BOOKMARK_SECONDS", -1.0)  # due at once, and again

    async def scenario() -> None:
        followed = Followed()
        followed.put(50, size_bytes=20_000)
        seen, bookmarks = 0, []
        while len(bookmarks) < 3:
            for line in await followed.next():
                version = int(line["object"]["metadata"]["resourceVersion"])
                if line["type"] == "BOOKMARK":
                    assert version == seen, "the bookmark is not where the events end"
                    bookmarks.append(version)
                else:
                    assert version == seen + 1
                    seen = version
            if followed.revision < 60:
                followed.put(1, size_bytes=20_000)  # while the first ones are on their way
        assert bookmarks == [50, 60, 60]
        followed.session.close()

    asyncio.run(scenario())


def test_event_that_comes_while_others_are_looked_through_is_not_forgotten() -> None:
    async def scenario() -> None:
        followed = Followed("keep=yes")
        followed.put(streaming.STEP_EVENTS + 1)
        reading = asyncio.ensure_future(followed.next())
        while not followed.session._pending:
            await asyncio.sleep(0)
        followed.put(1, keep="yes")
        assert [line["type"] for line in await reading] == ["MODIFIED"]
        followed.session.close()

    asyncio.run(scenario())


def test_session_whose_mailbox_overflows_ends_with_events_unsent() -> None:
    async def scenario() -> None:
        followed = Followed()
        followed.put(50, size_bytes=20_000)
        await followed.next()
        followed.mailbox.close("slow")
        with pytest.raises(StopAsyncIteration):
            await anext(followed.session)

    asyncio.run(scenario())


def test_watch_that_ends_in_the_middle_of_a_revision_sends_the_rest_of_it() -> None:
    """One change is an event for each consumer where all workspaces are watched; a client resumes behind revisions."""

    async def scenario() -> None:
        followed = Followed()
        body = objects.encode(
            {"metadata": {"name": "a", "resourceVersion": "1"}, "spec": {"text": "x" * 20_000}}
        )
        followed.mailbox.put([Event("MODIFIED", 1, KEY, body, {}, body, {}) for _ in range(20)])
        followed.revision = 2
        followed.mailbox.put([Event("MODIFIED", 2, KEY, body, {}, body, {})])
        first = await followed.next()
        assert 0 < len(first) < 20
        followed.session._deadline = 0.0
        last = (await anext(followed.session)).splitlines()
        assert len(first) + len(last) == 20
        with pytest.raises(StopAsyncIteration):
            await anext(followed.session)

    asyncio.run(scenario())
