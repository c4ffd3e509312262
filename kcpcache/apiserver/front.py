"""The ASGI front: answers the Kubernetes API itself, hands the rest to Django.

Cached reads and watches are answered on the event loop, with no Django in the path; everything else runs in a
bounded pool of threads through the Django REST framework view. Both ways call the same handler.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from kcpcache.apimachinery import errors, resourceversion, storage
from kcpcache.apimachinery.descriptor import Descriptor
from kcpcache.apiserver import (
    authentication,
    authorization,
    backend,
    documents,
    exceptions,
    handler,
    health,
    incoming,
    lean,
    lifelines,
    negotiation,
    outgoing,
    requestinfo,
    streaming,
)
from kcpcache.apiserver.exchange import Request, Response, User
from kcpcache.apiserver.freshness import Barrier
from kcpcache.apiserver.handler import Answer
from kcpcache.apiserver.requestinfo import RequestInfo
from kcpcache.apiserver.writequeue import WriteQueue

logger = logging.getLogger(__name__)

ASGIScope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
ASGIApplication = Callable[[ASGIScope, Receive, Send], Awaitable[None]]

T = TypeVar("T")

THREADS = 16
_URGENT_THREADS = (
    2  # for health and credentials: writers that wait for the database must not keep them waiting
)
_SINGLE_WRITES = ("create", "update", "patch", "delete")  # of one object: they take milliseconds
_API_PREFIXES = ("/clusters/", "/services/")
_DJANGO_PREFIXES = ("/admin/", "/api/", "/metrics", "/static/")
_PARSED_LIMIT = 500  # objects; longer lists that must be parsed are left to a thread


class Front:
    """The application object of a web process."""

    def __init__(self, django: ASGIApplication) -> None:
        self._django = django
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="api")
        self._urgent = ThreadPoolExecutor(_URGENT_THREADS, thread_name_prefix="api-urgent")
        self._writes: WriteQueue | None = None  # of a store that has one writer at a time
        self._barrier = Barrier(lambda: backend.backend().freshness_checks())
        self._is_stopping = False

    async def __call__(self, scope: ASGIScope, receive: Receive, send: Send) -> None:
        """One connection event: lifespan, or one HTTP request."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1000})

    def shutdown(self) -> None:
        """End every open watch and refuse new ones; call on the event loop when the process is to stop."""
        self._is_stopping = True
        streaming.end_all()

    def close(self) -> None:
        """Give the threads back; requests that wait for one are cancelled."""
        for threads in (self._threads, self._urgent):
            threads.shutdown(wait=False, cancel_futures=True)
        if self._writes is not None:
            self._writes.close()

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            backend.backend().start()
        except Exception as error:
            logger.exception("the backend did not start")
            await send({"type": "lifespan.startup.failed", "message": type(error).__name__})
            return
        guard = asyncio.ensure_future(lifelines.Guard(backend.backend(), self._with_database).run())
        await send({"type": "lifespan.startup.complete"})
        await receive()
        guard.cancel()
        self.shutdown()
        backend.backend().stop()
        self.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def _http(self, scope: ASGIScope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        if path.startswith(_DJANGO_PREFIXES):
            await self._django(scope, receive, send)
            return
        try:
            request, answer = await incoming.read(scope, receive)
        except incoming.Disconnected:
            return
        if answer is None:
            is_api = path.startswith(_API_PREFIXES) or path == "/version"
            answer = await (self._answer(request) if is_api else self._other(request))
        if self._is_stopping:
            streaming.end(answer)  # one that was about to begin when all that were open were ended
        await outgoing.send_answer(request, answer, receive, send, outgoing.abort_of(scope))

    async def _other(self, request: Request) -> Answer:
        """Health, the one thing that needs no credentials, and what is not there."""
        handler.begin(request)
        if request.path in health.PATHS and request.method in ("GET", "HEAD"):
            verbose = "verbose" in request.query
            answer = await self._urgently(_health, request, verbose, self._is_stopping)
            return handler.finish(request, answer)
        try:
            await self._authenticate(request)
            raise documents.not_found()
        except Exception as error:
            return handler.finish(request, exceptions.response(error, request))

    async def _answer(self, request: Request) -> Answer:
        """Any API request: from memory when that is possible, otherwise in a thread."""
        handler.begin(request)
        try:
            user = await self._authenticate(request)
            info = request.info = requestinfo.parse(request.method, request.raw_path, request.query)
            authorization.authorize(user, info)
            self._refuse_new_watches(info)
            answer = await self._from_memory(request, info)
            if answer is None:
                writes = self._write_queue() if info.verb in _SINGLE_WRITES else None
                if writes is not None:
                    return await writes.respond(request)
                return await self._in_thread(lean.call if info.verb == "watch" else lean.respond, request)
        except Exception as error:
            answer = exceptions.response(error, request)
        handler.finish(request, answer)
        if handler.wants_encoding(request, answer):
            return await self._in_thread(handler.encode, request, answer)
        return answer

    def _write_queue(self) -> WriteQueue | None:
        if self._writes is None and (commits := backend.backend().shared_commits()) is not None:
            self._writes = WriteQueue(commits)
        return self._writes

    async def _authenticate(self, request: Request) -> User:
        request.user = authentication.remembered(request)
        if request.user is None:
            authenticate = partial(_called_with_database, authentication.authenticate, request)
            request.user = await self._urgently(authenticate)
        return request.user

    async def _from_memory(self, request: Request, info: RequestInfo) -> Answer | None:
        """The answer of a storage that does not block; None when there is none, or when it would take long."""
        is_read = info.is_resource and not info.subresource and info.verb in ("get", "list", "watch")
        if not is_read or not _is_prompt(request, info) or _memory_of(info) is None:
            return None
        try:
            await self._barrier.passed()
        except Exception:
            logger.warning("memory could not be checked; the request is answered without it", exc_info=True)
            return None
        found = _memory_of(info)
        if found is None or (info.verb == "watch" and not _reaches(found[1], request)):
            return None
        return handler.serve_resource(request, info, *found)

    def _refuse_new_watches(self, info: RequestInfo) -> None:
        if self._is_stopping and info.verb == "watch":
            raise errors.ServiceUnavailable("the server is shutting down", retry_after_seconds=1)

    async def _with_database(self, function: Callable[..., T], *args: Any) -> T:
        return await self._in_thread(_called_with_database, function, *args)

    async def _urgently(self, function: Callable[..., T], *args: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._urgent, function, *args)

    async def _in_thread(self, function: Callable[..., T], *args: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, function, *args)


def _memory_of(info: RequestInfo) -> tuple[Descriptor, Any] | None:
    """The resource and its storage, if that can answer from memory; before the barrier this is but a guess."""
    try:
        scope = backend.backend().known_scope(info)
        if scope is None:
            return None
        descriptor, store = handler.resource(info, scope)
    except errors.APIError:
        return None  # the thread finds out what is right
    return (descriptor, store) if getattr(store, "is_nonblocking", False) else None


def _reaches(store: Any, request: Request) -> bool:
    """Whether the storage remembers all changes behind the revision a watch starts at; otherwise it must look."""
    if not _asks_for_revision(request):
        return True
    options = storage.ListOptions(revision=resourceversion.parse(request.parameter("resourceVersion")))
    answers_now = getattr(store, "answers_now", None)
    return answers_now is None or bool(answers_now(options, watches=True))


def _called_with_database(function: Callable[..., T], *args: Any) -> T:
    with lean.DatabaseConnections():
        return function(*args)


def _is_prompt(request: Request, info: RequestInfo) -> bool:
    """Whether a read neither waits for a revision nor parses thousands of objects, nor writes YAML, which is slow.

    A page is small, but a field selector may parse the whole collection to fill it.
    """
    if info.verb == "watch":
        return not request.parameter("sendInitialEvents") or not _asks_for_revision(request)
    accepted = request.headers.get("accept", "")
    if _asks_for_revision(request) or "yaml" in accepted:
        return False
    if info.verb == "get":
        return True
    if "fieldSelector" in request.query:
        return False
    limit = request.parameter("limit")
    if limit.isdecimal() and 0 < int(limit[:19]) <= _PARSED_LIMIT:
        return True
    return "as=" not in accepted and not negotiation.wants_pretty(request)


def _asks_for_revision(request: Request) -> bool:
    return request.parameter("resourceVersion") not in ("", "0")


def _health(request: Request, verbose: bool, stopping: bool) -> Response:
    with lean.DatabaseConnections():
        return health.check(request.path, verbose=verbose, stopping=stopping)
