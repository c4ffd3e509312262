"""The one place that turns errors into `Status` answers."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import django.core.exceptions
import django.db
import django.http
import orjson
import rest_framework.exceptions
from django.http import HttpResponse

from kcpcache import outage, requestid
from kcpcache.apimachinery import errors
from kcpcache.apiserver.exchange import Request, Response

logger = logging.getLogger(__name__)

_IDLE_IN_TRANSACTION = "25P03"  # PostgreSQL hung up on a client that stood still in a transaction

_BY_CODE: Mapping[int, type[errors.APIError]] = {
    kind.code: kind
    for kind in (
        errors.BadRequest, errors.Unauthorized, errors.Forbidden, errors.NotFound, errors.MethodNotAllowed,
        errors.NotAcceptable, errors.RequestEntityTooLarge, errors.UnsupportedMediaType,
        errors.TooManyRequests, errors.ServiceUnavailable,
    )
}  # fmt: skip


def as_api_error(error: BaseException, request_id: str) -> errors.APIError:
    """The API's word for any error; what is not the API's own is logged here and never shown."""
    if isinstance(error, errors.APIError):
        return error
    if isinstance(error, rest_framework.exceptions.APIException):
        return _BY_CODE.get(error.status_code, errors.BadRequest)(str(error.detail))
    if isinstance(error, django.http.Http404):
        return errors.NotFound("the server could not find the requested resource")
    if isinstance(error, django.core.exceptions.PermissionDenied):
        return errors.Forbidden("forbidden")
    if isinstance(error, django.core.exceptions.SuspiciousOperation):
        return errors.BadRequest("the request was refused")
    if _is_of_the_connection(error):
        outage.report(logger, error, "request %s: the database cannot be used", request_id)
        return errors.ServiceUnavailable("the store cannot be reached at present", retry_after_seconds=1)
    logger.error("request %s failed", request_id, exc_info=error)
    return errors.InternalError(
        f"an internal error occurred; the server's log names it as request {request_id}"
    )


def _is_of_the_connection(error: BaseException) -> bool:
    """Whether the database was away, busy or hung up, so that another attempt may succeed."""
    if isinstance(error, django.db.InternalError):
        return getattr(error.__cause__, "sqlstate", "") == _IDLE_IN_TRANSACTION
    return isinstance(error, (django.db.OperationalError, django.db.InterfaceError))


def response(error: BaseException, request: Request) -> Response:
    """The complete answer to a request that failed."""
    api_error = as_api_error(error, request.id)
    headers = [("content-type", "application/json"), ("cache-control", "no-cache, private")]
    if api_error.code == 401:
        headers.append(("www-authenticate", 'Bearer realm="kcpcache"'))
    if api_error.retry_after_seconds:
        headers.append(("retry-after", str(api_error.retry_after_seconds)))
    return Response(api_error.code, headers, [status_bytes(api_error)])


def status_bytes(error: errors.APIError) -> bytes:
    """The encoded `Status` of an error, with the newline that Kubernetes ends bodies with."""
    return orjson.dumps(error.status(), option=orjson.OPT_APPEND_NEWLINE)


def rest_framework_handler(error: Exception, context: dict[str, Any]) -> HttpResponse:
    """Django REST framework's `EXCEPTION_HANDLER`: the same `Status` for what the framework raises."""
    api_error = as_api_error(error, requestid.current.get())
    answer = HttpResponse(status_bytes(api_error), status=api_error.code, content_type="application/json")
    if api_error.code == 401:
        answer["WWW-Authenticate"] = 'Bearer realm="kcpcache"'
    if api_error.retry_after_seconds:
        answer["Retry-After"] = str(api_error.retry_after_seconds)
    return answer
