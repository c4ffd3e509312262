"""What answers when no view does: pages for browsers, a `Status` for everybody else."""

from __future__ import annotations

import django.views.defaults
from django.core.exceptions import DisallowedHost, RequestDataTooBig
from django.http import HttpRequest, HttpResponse

from kcpcache import requestid
from kcpcache.apimachinery import errors
from kcpcache.apiserver import documents, exceptions


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400: a request that Django refuses, such as one for a host that is not ours."""
    if _browses(request) and not request.path.startswith("/api/"):
        return django.views.defaults.bad_request(request, exception)
    return _status(errors.BadRequest(_reason(exception)))


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403."""
    if _browses(request):
        return django.views.defaults.permission_denied(request, exception)
    return _status(errors.Forbidden("forbidden"))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404."""
    if _browses(request):
        return django.views.defaults.page_not_found(request, exception)
    return _status(documents.not_found())


def failed(request: HttpRequest) -> HttpResponse:
    """500; Django has logged what happened."""
    if _browses(request):
        return django.views.defaults.server_error(request)
    return _status(
        errors.InternalError(f"an internal error occurred; see the server's log ({requestid.current.get()})")
    )


def _reason(exception: Exception) -> str:
    if isinstance(exception, DisallowedHost):
        return "the Host header names no host of this server; KCPCACHE_ALLOWED_HOSTS can add one"
    if isinstance(exception, RequestDataTooBig):
        return "the request's body is too large"
    return "the request was refused"


def _browses(request: HttpRequest) -> bool:
    return "text/html" in request.headers.get("Accept", "") and not request.path.startswith("/metrics")


def _status(error: errors.APIError) -> HttpResponse:
    return HttpResponse(exceptions.status_bytes(error), status=error.code, content_type="application/json")
