"""The Kubernetes API as one Django REST framework view: a thin caller of the framework-free handler."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

import rest_framework.negotiation
import rest_framework.permissions
import rest_framework.request
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.views import APIView

from kcpcache.apiserver import authentication, authorization, exceptions, handler, incoming, requestinfo
from kcpcache.apiserver.exchange import Request, Response, User
from kcpcache.apiserver.handler import Answer
from kcpcache.apiserver.requestinfo import RequestInfo


class AsKubernetes(rest_framework.negotiation.BaseContentNegotiation):
    """Leaves media types to the handler, which knows what each resource can be served as."""

    def select_parser(self, request: Any, parsers: Iterable[BaseParser]) -> None:
        """None: bodies are read by the handler."""

    def select_renderer(
        self, request: Any, renderers: Iterable[BaseRenderer], format_suffix: Any = None
    ) -> Any:
        """No renderer: answers are bytes already."""
        return None, None


class MayDoThis(rest_framework.permissions.BasePermission):
    """The one decision point, asked about the request's RequestInfo."""

    def has_permission(self, request: rest_framework.request.Request, view: Any) -> bool:
        """True, or Forbidden with kube-apiserver's message."""
        user: User = request.user  # type: ignore[assignment]
        authorization.authorize(user, view.info)
        view.exchange.user = user
        return True


class ClusterView(APIView):
    """Every URL of every workspace and virtual workspace, with every method."""

    authentication_classes = [authentication.BearerAuthentication]
    permission_classes = [MayDoThis]
    content_negotiation_class = AsKubernetes
    renderer_classes: list[type[BaseRenderer]] = []
    parser_classes: list[type[BaseParser]] = []
    throttle_classes: list[Any] = []
    schema = None
    info: RequestInfo
    exchange: Request

    def initialize_request(
        self, request: HttpRequest, *args: Any, **kwargs: Any
    ) -> rest_framework.request.Request:
        """Also makes the exchange, unless the front made it."""
        made = getattr(request, "exchange", None)
        self.exchange = exchange_of(request) if made is None else made
        handler.begin(self.exchange)
        return super().initialize_request(request, *args, **kwargs)

    def initial(self, request: rest_framework.request.Request, *args: Any, **kwargs: Any) -> None:
        """Read the URL first: authorization needs it, and a bad one is 400 to everybody."""
        if not self.exchange.query:
            raw_query = self.request.META.get("QUERY_STRING", "")
            self.exchange.query = incoming.parameters(raw_query.encode("utf-8", "surrogateescape"))
        incoming.refuse_body(self.exchange)
        self.info = self.exchange.info = requestinfo.parse(
            self.exchange.method, self.exchange.raw_path or self.exchange.path, self.exchange.query
        )
        super().initial(request, *args, **kwargs)

    def answer(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """The handler's answer to an authenticated, permitted request."""
        scope = handler.scope_of(self.info)
        return _django_response(self.exchange, handler.serve(self.exchange, self.info, scope))

    get = post = put = patch = delete = head = options = answer  # type: ignore[assignment]

    def http_method_not_allowed(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Unknown methods are refused by the handler, after authentication, as Kubernetes does."""
        return self.answer(request, *args, **kwargs)

    def handle_exception(self, exc: Exception) -> Any:
        """The same `Status` as everywhere."""
        return _django_response(self.exchange, exceptions.response(exc, self.exchange))

    @property
    def default_response_headers(self) -> dict[str, str]:
        """None but the handler's own."""
        return {}


def exchange_of(request: HttpRequest) -> Request:
    """The framework-free request of a Django one, without parameters.

    The body is read up to one byte above the limit.
    """
    if isinstance(request, ASGIRequest):
        raw_path = request.scope.get("raw_path", b"").decode("latin-1") or quote(request.path)
    else:
        raw_path = quote(request.path, safe="/:@!$&'()*+,;=~")
    return Request(
        method=request.method or "",
        path=request.path,
        query={},
        headers={name.lower(): value for name, value in request.headers.items()},
        body=request.read(incoming.MAX_BODY_BYTES + 1) if request.method not in ("GET", "HEAD") else b"",
        raw_path=raw_path,
    )


def _django_response(request: Request, answer: Answer) -> HttpResponseBase:
    answer = handler.encode(request, handler.finish(request, answer))
    response: HttpResponseBase
    if isinstance(answer, Response):
        chunks = answer.chunks
        whole = chunks if isinstance(chunks, (list, tuple)) else None
        if whole is not None and len(whole) <= 1:
            response = HttpResponse(b"".join(whole), status=answer.status)
        else:
            response = StreamingHttpResponse(chunks, status=answer.status)
        if whole is not None and answer.status != 304:
            answer.headers.append(("content-length", str(sum(map(len, whole)))))
    else:
        response = StreamingHttpResponse(answer.chunks, status=answer.status)
    del response["Content-Type"]
    for name, value in _merged(answer.headers):
        response[name] = value
    request.answer = answer
    return response


def _merged(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """One line a name: a Django response has no second, and a list header may be joined."""
    merged: dict[str, str] = {}
    for name, value in headers:
        merged[name] = f"{merged[name]}, {value}" if name in merged else value
    return list(merged.items())
