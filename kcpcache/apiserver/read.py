"""Reading: get, list and watch over any storage, without a framework.

Lists are joined from stored bytes; nothing is parsed that need not be. Both the ASGI front and the Django
REST framework view answer with these functions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain
from typing import Any

import orjson

from kcpcache.apimachinery import errors, resourceversion, storage
from kcpcache.apimachinery.descriptor import Descriptor
from kcpcache.apimachinery.objects import JSONObject
from kcpcache.apiserver import body, forms, lifelines, listoptions, negotiation, streaming
from kcpcache.apiserver.exchange import Request, Response, Stream
from kcpcache.apiserver.listoptions import Parsed
from kcpcache.apiserver.negotiation import Accepted
from kcpcache.apiserver.requestinfo import RequestInfo

CHUNK_BYTES = 256 * 1024  # pieces of a list are joined up to about this size
WHOLE_BYTES = 1024 * 1024  # what is larger is never in memory as a whole, if it need not be
_LIST_END = b"]}\n"


def get(store: storage.Getter, descriptor: Descriptor, request: Request, info: RequestInfo) -> Response:
    """One object; NotFound, Timeout, NotAcceptable."""
    accepted = negotiation.accept(request.headers.get("accept", ""), negotiation.OBJECT)
    revision = resourceversion.parse(request.parameter("resourceVersion")) or None
    form = forms.form_of(descriptor, accepted, listoptions.include_object(request))
    record = store.get(info.namespace, info.name, revision)
    return body.respond(request, accepted, [form.encode(record.body, first=True)])


def list_(store: storage.Lister, descriptor: Descriptor, request: Request, info: RequestInfo) -> Response:
    """A whole list or a page of it; Expired, Timeout, NotAcceptable, BadRequest, Invalid."""
    accepted = negotiation.accept(request.headers.get("accept", ""), negotiation.LIST)
    parsed = listoptions.parse_list(request, info, descriptor)
    if isinstance(store, storage.BytesLister) and _is_plain(accepted, request):
        return _list_bytes(store, descriptor, request, parsed)
    with _continuing(parsed):
        page = store.list(parsed.options)
    metadata = _list_metadata(page, parsed)
    bodies: Iterable[bytes] = (record.body for record in page.records)
    if accepted.form == "Table":
        table = forms.AsTable(descriptor, accepted, parsed.include_object)
        return body.respond(request, accepted, table.document(bodies, metadata))
    form = forms.form_of(descriptor, accepted, parsed.include_object)
    kind, api_version = descriptor.list_kind, descriptor.api_version
    if accepted.form:
        kind, api_version = "PartialObjectMetadataList", accepted.form_api_version
    items = (form.encode(each, first=False) for each in bodies)
    return body.respond(request, accepted, list(_list_chunks(_list_head(kind, api_version, metadata), items)))


def open_watch(store: storage.Watcher, descriptor: Descriptor, request: Request, info: RequestInfo) -> Stream:
    """An open watch, or one ERROR event when its revision is too old; Timeout, NotAcceptable, Invalid."""
    accepted = negotiation.accept(request.headers.get("accept", ""), negotiation.WATCH)
    parsed = listoptions.parse_watch(request, info, descriptor)
    renderer = forms.EventRenderer(descriptor, forms.form_of(descriptor, accepted, parsed.include_object))
    headers = [("content-type", accepted.content_type), *body.NO_CACHE]
    try:
        feed = store.watch(parsed.options, with_initial=bool(parsed.send_initial_events))
    except errors.Expired as expired:
        return Stream(200, headers, streaming.OneError(streaming.error_line(expired)))
    if not getattr(store, "is_nonblocking", False):
        feed = _with_history_read(feed)
    session = streaming.Session(feed, parsed, renderer)
    lifelines.attach(session, info, descriptor)
    return Stream(200, headers, session)


def _with_history_read(feed: storage.Feed) -> storage.Feed:
    """The feed with its history in memory: this thread may block, the event loop that sends it may not."""
    try:
        return replace(feed, history=list(feed.history))
    except BaseException:
        feed.close()
        raise


def _is_plain(accepted: Accepted, request: Request) -> bool:
    """Whether the answer has its objects in the form in which they are remembered."""
    return not accepted.form and accepted.media == negotiation.JSON and not negotiation.wants_pretty(request)


def _list_bytes(
    store: storage.BytesLister, descriptor: Descriptor, request: Request, parsed: Parsed
) -> Response:
    with _continuing(parsed):
        listed = store.list_bytes(parsed.options, descriptor.api_version)
    headers = [("content-type", negotiation.JSON), *body.NO_CACHE]
    if listed.etag:
        etag = f'"{listed.etag}"'
        headers.append(("etag", etag))
        if body.is_unchanged(request, etag):
            return Response(304, headers, [])
    metadata = _list_metadata(listed, parsed)
    head = _list_head(descriptor.list_kind, descriptor.api_version, metadata)
    return Response(200, headers, _pieces(head, listed.items))


def _pieces(head: bytes, items: Iterable[bytes]) -> Iterable[bytes]:
    """The document: all of a small one, and an iterator of a large one, which is made while it is sent."""
    pieces, size_bytes, following = [head], 0, iter(items)
    for piece in following:
        pieces.append(piece)
        size_bytes += len(piece)
        if size_bytes >= WHOLE_BYTES:
            return chain(pieces, following, (_LIST_END,))
    return [*pieces, _LIST_END]


@contextmanager
def _continuing(parsed: Parsed) -> Iterator[None]:
    """Give who lists page by page a token with which to go on where its revision is gone."""
    try:
        yield
    except errors.Expired:
        start_after = parsed.options.start_after
        if start_after is None:
            raise
        raise listoptions.ContinueExpired(
            listoptions.continue_token(0, start_after, parsed.continue_scope)
        ) from None


def _list_metadata(page: storage.Page | storage.ListedBytes, parsed: Parsed) -> JSONObject:
    metadata: dict[str, Any] = {"resourceVersion": resourceversion.format(page.revision)}
    if page.next_start is not None:
        metadata["continue"] = listoptions.continue_token(
            page.revision, page.next_start, parsed.continue_scope
        )
        if page.remaining is not None:
            metadata["remainingItemCount"] = page.remaining
    return metadata


def _list_head(kind: str, api_version: str, metadata: JSONObject) -> bytes:
    head = orjson.dumps({"kind": kind, "apiVersion": api_version, "metadata": metadata})
    return head[:-1] + b',"items":['


def _list_chunks(head: bytes, items: Iterable[bytes]) -> Iterator[bytes]:
    pieces = [head]
    size_bytes = len(head)
    separator = b""
    for item in items:
        pieces.append(separator + item if separator else item)
        separator = b","
        size_bytes += len(item)
        if size_bytes >= CHUNK_BYTES:
            yield b"".join(pieces)
            pieces, size_bytes = [], 0
    pieces.append(b"]}")
    yield b"".join(pieces)
