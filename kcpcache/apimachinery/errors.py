"""The errors of the Kubernetes API, one class a reason.

Everything below HTTP raises these; one place (`kcpcache.apiserver.exceptions`) turns them into a
`Status` body. Source: Kubernetes API conventions, "Response Status Kind".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

# What an answer tells, however much is wrong: a body of some kilobytes must not be answered with many megabytes.
MAX_CAUSES = 100
MAX_CAUSE_CHARS = 10_240  # of one message; one that is ordinary has a hundred
MAX_CAUSES_CHARS = 65_536  # of all messages and fields together
MAX_FIELD_CHARS = 1024
MAX_MESSAGE_CHARS = 2 * MAX_CAUSES_CHARS
MORE = "there are more causes, which are not shown"


@dataclass(frozen=True, slots=True)
class Cause:
    """One reason why an object is refused.

    `field` is a path such as ``spec.versions[0].name``; `reason` one of Kubernetes' cause types
    (``FieldValueRequired``, ``FieldValueInvalid``, ``FieldValueForbidden``, ``FieldValueNotSupported``,
    ``FieldValueDuplicate``, ``FieldValueTypeInvalid``, ``FieldValueTooLong``, ``FieldValueTooMany``,
    ``FieldManagerConflict``, ``ResourceVersionTooLarge``); `message` a sentence.
    """

    field: str
    reason: str
    message: str

    def as_json(self) -> dict[str, str]:
        """The entry of `details.causes` in a Status; empty parts are left out."""
        entry = {"reason": self.reason, "message": self.message, "field": self.field}
        return {name: value for name, value in entry.items() if value}


def bounded(causes: Iterable[Cause]) -> tuple[Cause, ...]:
    """As many of the causes, and as much of each, as an answer may hold; the last says so when that is not all.

    Takes no more of an iterator than it tells.
    """
    told: list[Cause] = []
    left = MAX_CAUSES_CHARS
    for cause in causes:
        if cause.message == MORE:
            return (*told, cause)
        cause = _cut(cause)
        left -= len(cause.field) + len(cause.message)
        if len(told) == MAX_CAUSES or left < 0:
            return (*told, Cause("", "", MORE))
        told.append(cause)
    return tuple(told)


def _cut(cause: Cause) -> Cause:
    if len(cause.message) <= MAX_CAUSE_CHARS and len(cause.field) <= MAX_FIELD_CHARS:
        return cause
    return Cause(cut(cause.field, MAX_FIELD_CHARS), cause.reason, cut(cause.message, MAX_CAUSE_CHARS))


def cut(text: str, most_chars: int) -> str:
    """The text, or as much of it as there is room for, with dots that say so."""
    return text if len(text) <= most_chars else f"{text[:most_chars]}..."


class APIError(Exception):
    """An answer that is not success. Subclasses fix `code` (HTTP status) and `reason`."""

    code: ClassVar[int] = 500
    reason: ClassVar[str] = "InternalError"

    def __init__(
        self,
        message: str,
        *,
        group: str = "",
        kind: str = "",
        name: str = "",
        uid: str = "",
        causes: Iterable[Cause] = (),
        retry_after_seconds: int = 0,
    ) -> None:
        message = cut(message, MAX_MESSAGE_CHARS)
        super().__init__(message)
        self.message = message
        self.group = group
        self.kind = kind  # as Kubernetes does, this is mostly the plural resource name
        self.name = name
        self.uid = uid
        self.causes = bounded(causes)
        self.retry_after_seconds = retry_after_seconds

    def status(self) -> dict[str, Any]:
        """The `Status` object (`v1`) that a client reads."""
        details: dict[str, Any] = {}
        for field in ("name", "group", "kind", "uid"):
            if value := getattr(self, field):
                details[field] = value
        if self.causes:
            details["causes"] = [cause.as_json() for cause in self.causes]
        if self.retry_after_seconds:
            details["retryAfterSeconds"] = self.retry_after_seconds
        status: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": self.code,
        }
        if details:
            status["details"] = details
        return status


class BadRequest(APIError):
    """The request cannot be understood: body, parameter or path."""

    code = 400
    reason = "BadRequest"


class Unauthorized(APIError):
    """No credentials, or credentials that nobody issued."""

    code = 401
    reason = "Unauthorized"


class Forbidden(APIError):
    """The user is known and may not do this, or admission refuses it."""

    code = 403
    reason = "Forbidden"


class NotFound(APIError):
    """No such object, resource, workspace or path."""

    code = 404
    reason = "NotFound"


class MethodNotAllowed(APIError):
    """The resource exists and does not have this verb."""

    code = 405
    reason = "MethodNotAllowed"


class NotAcceptable(APIError):
    """None of the media types in `Accept` can be served."""

    code = 406
    reason = "NotAcceptable"


class AlreadyExists(APIError):
    """Create of a name that is taken."""

    code = 409
    reason = "AlreadyExists"


class Conflict(APIError):
    """Stale resourceVersion, failed precondition or a field manager's conflict."""

    code = 409
    reason = "Conflict"


class Expired(APIError):
    """The resourceVersion or continue token lies before the compacted revision."""

    code = 410
    reason = "Expired"


class RequestEntityTooLarge(APIError):
    """The body is larger than the limit."""

    code = 413
    reason = "RequestEntityTooLarge"


class UnsupportedMediaType(APIError):
    """The body's content type is none that this verb reads."""

    code = 415
    reason = "UnsupportedMediaType"


class Invalid(APIError):
    """The object is understood and breaks its schema or a rule; `causes` say where."""

    code = 422
    reason = "Invalid"


class TooManyRequests(APIError):
    """Try again later; `retry_after_seconds` says when."""

    code = 429
    reason = "TooManyRequests"


class InternalError(APIError):
    """A fault of ours. The message never carries internals."""

    code = 500
    reason = "InternalError"


class ServiceUnavailable(APIError):
    """The truth cannot be read at present; `retry_after_seconds` says when to come back."""

    code = 503
    reason = "ServiceUnavailable"


class Timeout(APIError):
    """What was waited for did not come in time."""

    code = 504
    reason = "Timeout"


def too_large_resource_version(wanted: int, current: int) -> Timeout:
    """What kube-apiserver answers when a resourceVersion of the future did not arrive in time."""
    return Timeout(
        f"Too large resource version: {wanted}, current: {current}",
        causes=[Cause("", "ResourceVersionTooLarge", "Too large resource version")],
        retry_after_seconds=1,
    )


def expired_resource_version(wanted: int, oldest: int) -> Expired:
    """What a reader gets who stands before the compacted revision."""
    return Expired(f"too old resource version: {wanted} ({oldest})")


def not_found(group: str, resource: str, name: str) -> NotFound:
    """The 404 of one object, worded as Kubernetes words it."""
    qualified = f"{resource}.{group}" if group else resource
    return NotFound(f'{qualified} "{name}" not found', group=group, kind=resource, name=name)


def already_exists(group: str, resource: str, name: str) -> AlreadyExists:
    """The 409 of a create, worded as Kubernetes words it."""
    qualified = f"{resource}.{group}" if group else resource
    return AlreadyExists(f'{qualified} "{name}" already exists', group=group, kind=resource, name=name)


def stale(group: str, resource: str, name: str) -> Conflict:
    """The 409 of optimistic locking, worded as Kubernetes words it."""
    qualified = f"{resource}.{group}" if group else resource
    return Conflict(
        f'Operation cannot be fulfilled on {qualified} "{name}": the object has been modified; '
        "please apply your changes to the latest version and try again",
        group=group,
        kind=resource,
        name=name,
    )


def invalid(group: str, kind: str, name: str, causes: Iterable[Cause]) -> Invalid:
    """The 422 of an object, its message joined from the causes as Kubernetes joins it."""
    causes = bounded(causes)
    parts = [f"{cause.field}: {cause.message}" if cause.field else cause.message for cause in causes]
    joined = parts[0] if len(parts) == 1 else f"[{', '.join(parts)}]"
    qualified = f"{kind}.{group}" if group else kind
    return Invalid(
        f'{qualified} "{name}" is invalid: {joined}', group=group, kind=kind, name=name, causes=causes
    )
