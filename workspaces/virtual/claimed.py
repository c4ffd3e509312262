"""The objects of claimed resources: what a provider sees of its consumers' own objects, and may do with them.

Every read and every write passes the selectors of the claims, one a consumer. What they leave out is not there:
404, absent from lists, DELETED to a watch when it leaves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from kcpcache.apimachinery import errors, labels, objects, resourceversion, watch
from kcpcache.apimachinery.descriptor import Descriptor
from kcpcache.apimachinery.mailbox import Mailbox
from kcpcache.apimachinery.objects import JSONObject
from kcpcache.apimachinery.storage import (
    DeleteOptions,
    Event,
    Feed,
    Key,
    Lister,
    ListOptions,
    Page,
    Record,
    Watcher,
    WriteOptions,
)
from workspaces.registry import rest

Selectors = Mapping[str, labels.Selector]  # by consumer cluster; one that is not there is not seen

_ATTEMPTS = 20  # to delete what others change meanwhile


class Reads(Lister, Watcher, Protocol):
    """What is read through a claim."""


class ClaimedEverywhere:
    """List and watch over all consumers that accept a claim."""

    is_nonblocking = False

    def __init__(self, reads: Reads, listed: Selectors, watched: Selectors) -> None:
        self._reads = reads
        self._listed = listed
        self._watched = watched

    def list(self, options: ListOptions) -> Page:
        """See `apimachinery.storage.Lister`."""
        return _list(self._reads, self._listed, options)

    def watch(self, options: ListOptions, *, with_initial: bool) -> Feed:
        """See `apimachinery.storage.Watcher`."""
        return _watch(self._reads, self._watched, options, with_initial=with_initial)


class ClaimedStorage:
    """One consumer's objects of a claimed resource; which verbs are claimed is the descriptor's to say.

    `may_create` says it again for an apply patch, which makes what is missing.
    """

    is_nonblocking = False

    def __init__(self, stored: rest.ResourceStorage, selector: labels.Selector, *, may_create: bool) -> None:
        self._stored = stored
        self._selector = selector
        self._selectors = {stored.cluster: selector}
        self._may_create = may_create

    def get(self, namespace: str, name: str, revision: int | None = None) -> Record:
        """See `apimachinery.storage.Getter`."""
        record = self._stored.get(namespace, name, revision)
        if not self._selector.matches(record.labels):
            raise self._not_found(name)
        return record

    def list(self, options: ListOptions) -> Page:
        """See `apimachinery.storage.Lister`."""
        return _list(self._stored, self._selectors, options)

    def watch(self, options: ListOptions, *, with_initial: bool) -> Feed:
        """See `apimachinery.storage.Watcher`."""
        return _watch(self._stored, self._selectors, options, with_initial=with_initial)

    def create(self, namespace: str, obj: JSONObject, options: WriteOptions) -> Record:
        """See `apimachinery.storage.Creator`."""
        self._check_selected(obj)
        return self._stored.create(namespace, obj, options)

    def update(
        self,
        namespace: str,
        name: str,
        change: Callable[[JSONObject | None], JSONObject],
        options: WriteOptions,
        *,
        create_if_missing: bool = False,
    ) -> tuple[Record, bool]:
        """See `apimachinery.storage.Updater`."""

        def within_claim(present: JSONObject | None) -> JSONObject:
            if present is None and not self._may_create:
                raise refused(self._stored.descriptor, "create")
            if present is not None and not self._selector.matches(objects.labels(present)):
                raise self._not_found(name)
            obj = change(present)
            if not options.subresource:  # a subresource leaves the labels as they are
                self._check_selected(obj)
            return obj

        return self._stored.update(
            namespace, name, within_claim, options, create_if_missing=create_if_missing
        )

    def delete(self, namespace: str, name: str, options: DeleteOptions) -> tuple[Record, bool]:
        """See `apimachinery.storage.Deleter`."""
        if self._selector.is_everything:
            return self._stored.delete(namespace, name, options)
        wanted = options.preconditions
        for attempt in range(_ATTEMPTS):
            seen = objects.resource_version(objects.decode(self.get(namespace, name).body))
            pinned = replace(wanted, resource_version=wanted.resource_version or seen)
            try:
                return self._stored.delete(namespace, name, replace(options, preconditions=pinned))
            except errors.Conflict:
                if wanted.resource_version or attempt == _ATTEMPTS - 1:
                    raise
        raise AssertionError("the last attempt returns or raises")

    def _check_selected(self, obj: JSONObject) -> None:
        stated = objects.metadata(obj).get("labels") or {}  # not checked yet: it may be anything
        if not isinstance(stated, dict) or not self._selector.matches(stated):
            descriptor = self._stored.descriptor
            raise errors.Forbidden(
                f"{descriptor.qualified} is claimed for objects with labels {self._selector} only",
                group=descriptor.group,
                kind=descriptor.plural,
            )

    def _not_found(self, name: str) -> errors.NotFound:
        descriptor = self._stored.descriptor
        return errors.not_found(descriptor.group, descriptor.plural, name)


def refused(descriptor: Descriptor, verb: str) -> errors.Forbidden:
    """The error of a verb that is not claimed."""
    return errors.Forbidden(
        f"{verb} of {descriptor.qualified} is not among the verbs of the accepted permission claim",
        group=descriptor.group,
        kind=descriptor.plural,
    )


def _list(reads: Lister, selectors: Selectors, options: ListOptions) -> Page:
    asked = options.matches

    def matches(record: Record) -> bool:
        return _selects(selectors, record.key, record.labels) and (asked is None or asked(record))

    return reads.list(replace(options, matches=matches))


def _watch(reads: Watcher, selectors: Selectors, options: ListOptions, *, with_initial: bool) -> Feed:
    feed = reads.watch(options, with_initial=with_initial)
    return replace(
        feed,
        initial=[record for record in feed.initial if _selects(selectors, record.key, record.labels)],
        history=list(_seen(selectors, feed.history)),
        mailbox=_SelectedMailbox(feed.mailbox, selectors),
    )


class _SelectedMailbox(Mailbox[Event]):
    """What of another mailbox is selected; its reader is woken and told of its end by the other."""

    __slots__ = ("_other", "_selectors")

    def __init__(self, other: Mailbox[Event], selectors: Selectors) -> None:
        self._other = other
        self._selectors = selectors

    def take(self) -> list[Event]:
        """See `Mailbox`."""
        return list(_seen(self._selectors, self._other.take()))

    def put(self, items: Sequence[Event]) -> None:
        """See `Mailbox`."""
        self._other.put(items)

    def close(self, reason: str) -> None:
        """See `Mailbox`."""
        self._other.close(reason)

    @property
    def closed_reason(self) -> str:
        """See `Mailbox`."""
        return self._other.closed_reason

    @property
    def on_ready(self) -> Callable[[], None] | None:
        """See `Mailbox`."""
        return self._other.on_ready

    @on_ready.setter
    def on_ready(self, call: Callable[[], None] | None) -> None:
        self._other.on_ready = call


def _selects(selectors: Selectors, key: Key, object_labels: Mapping[str, str]) -> bool:
    selector = selectors.get(key.cluster)
    return selector is not None and selector.matches(object_labels)


def _seen(selectors: Selectors, events: Iterable[Event]) -> Iterable[Event]:
    """The events as one sees them to whom only selected objects are there."""
    for event in events:
        selector = selectors.get(event.key.cluster)
        if selector is None:
            continue
        if selector.is_everything:
            yield event
            continue
        before = event.labels if event.previous is None else (event.previous_labels or {})
        was_member = selector.matches(before) if event.type != watch.ADDED else False
        seen = watch.transition(event.type, was_member, selector.matches(event.labels))
        if seen is not None:
            yield event if seen == event.type else _as(event, seen)


def _as(event: Event, seen: str) -> Event:
    """The event of an object that enters the selection, with no past, or leaves it, as it last was inside."""
    if seen == watch.ADDED:
        return replace(event, type=seen, previous=None, previous_labels=None, rendered={})
    last = objects.decode(event.previous or event.body)
    objects.metadata(last)["resourceVersion"] = resourceversion.format(event.revision)
    return replace(
        event, type=seen, body=objects.encode(last), labels=event.previous_labels or {}, rendered={}
    )
