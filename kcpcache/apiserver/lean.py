"""Django without its handler: resolves a URL and calls the view, with no middleware and no signals.

The stock handler costs more than the requests it serves and holds a thread for each open stream. What the
request signals do for the database is done here.
"""

from __future__ import annotations

from io import BytesIO

from django import db
from django.http import HttpRequest
from django.urls import Resolver404, resolve

from kcpcache.apiserver import documents, exceptions, handler
from kcpcache.apiserver.exchange import Request
from kcpcache.apiserver.handler import Answer

_URLS = "kcpcache.apiserver.urls"  # the admin's and other pages' are neither loaded nor looked through


class LeanRequest(HttpRequest):
    """A Django request over one that has been read already."""

    def __init__(self, exchange: Request) -> None:
        super().__init__()
        self.exchange = exchange
        self.method = exchange.method
        self.path = self.path_info = exchange.path
        self.META = {
            f"HTTP_{name.upper().replace('-', '_')}": value for name, value in exchange.headers.items()
        }
        self.META |= {
            "REQUEST_METHOD": exchange.method,
            "PATH_INFO": exchange.path,
            "CONTENT_TYPE": exchange.headers.get("content-type", ""),
            "CONTENT_LENGTH": str(len(exchange.body)),
        }
        self._stream = BytesIO(exchange.body)
        self._read_started = False


def respond(request: Request) -> Answer:
    """The view's answer; runs in a worker thread."""
    with DatabaseConnections():
        return respond_inside(request)


def respond_inside(request: Request) -> Answer:
    """The same inside `DatabaseConnections`, which may hold several requests and a transaction of them all."""
    handler.begin(request)
    try:
        match = resolve(request.path, _URLS)
    except Resolver404:
        return handler.finish(request, exceptions.response(documents.not_found(), request))
    match.func(LeanRequest(request), *match.args, **match.kwargs)
    if request.answer is None:
        raise RuntimeError(f"the view of {match.route} does not answer API requests")
    return request.answer


def call(request: Request) -> Answer:
    """The handler's answer without a view, for watches: they go on after the thread has returned."""
    with DatabaseConnections():
        return handler.handle(request)


class DatabaseConnections:
    """What Django does at the begin and the end of a request: drop connections that are broken or too old."""

    def __enter__(self) -> None:
        db.reset_queries()
        db.close_old_connections()

    def __exit__(self, *failure: object) -> None:
        db.close_old_connections()
