"""The parameters of list, watch and get, read and checked as kube-apiserver does.

Source: Kubernetes API concepts, "Resource versions" and "Streaming lists"; `metainternalversion.ValidateListOptions`.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import orjson
from django.conf import settings

from kcpcache.apimachinery import errors, field, fields, labels, objects, resourceversion, storage
from kcpcache.apimachinery.descriptor import Descriptor
from kcpcache.apimachinery.errors import Cause
from kcpcache.apimachinery.objects import JSONObject
from kcpcache.apiserver.exchange import Request
from kcpcache.apiserver.requestinfo import RequestInfo

EXACT = "Exact"
NOT_OLDER_THAN = "NotOlderThan"

_MAX_INT64 = 2**63 - 1
_FIELDS_IN_KEY = {"metadata.name": "name", "metadata.namespace": "namespace"}
_INCONSISTENT_CONTINUE = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list "
    "without the continue parameter, or use the continue token in this response to retrieve the remainder of "
    "the results. Continuing with the provided token results in an inconsistent list - objects that were "
    "created, modified, or deleted between the time the first chunk was returned and now may show up in the list."
)


class ByLabels:
    """Asks for labels alone. `key` names what is selected: the same in every consumer's workspace, so that a storage
    may remember the result under it."""

    __slots__ = ("_matches", "key")

    def __init__(self, selector: labels.Selector) -> None:
        self.key = str(selector)
        self._matches = selector.matches

    def __call__(self, record: storage.Record) -> bool:
        """Whether a record is selected."""
        return self._matches(record.labels)


@dataclass(frozen=True, slots=True)
class Selection:
    """Label and field selector of one request."""

    label_selector: labels.Selector
    field_selector: fields.FieldSelector

    @property
    def is_everything(self) -> bool:
        """Whether nothing is left out."""
        return self.label_selector.is_everything and self.field_selector.is_everything

    def predicate(self) -> Callable[[storage.Record], bool] | None:
        """What a storage asks for each record; decodes bodies only for fields that are not in the key."""
        if self.is_everything:
            return None
        if self.field_selector.is_everything:
            return ByLabels(self.label_selector)
        return lambda record: self.matches(record.key, record.labels, record.body)

    def matches(self, key: storage.Key, object_labels: Mapping[str, str], body: bytes) -> bool:
        """Whether one object, given by its parts, is selected."""
        if not self.label_selector.matches(object_labels):
            return False
        decoded: list[JSONObject] = []

        def value(path: str) -> str:
            if path in _FIELDS_IN_KEY:
                return str(getattr(key, _FIELDS_IN_KEY[path]))
            if not decoded:
                decoded.append(objects.decode(body))
            return fields.value_at(decoded[0], path)

        return self.field_selector.matches(value)

    def __str__(self) -> str:
        return f"{self.label_selector}|{self.field_selector}"


@dataclass(frozen=True, slots=True)
class Parsed:
    """A list or watch request: what the storage is asked, and what only HTTP knows."""

    options: storage.ListOptions
    selection: Selection
    continue_scope: str = ""
    is_continued: bool = False
    timeout_seconds: int = 0
    bookmarks: bool = False
    send_initial_events: bool | None = None
    include_object: str = "Metadata"  # of a Table's rows: None, Metadata, Object


class ContinueExpired(errors.Expired):
    """A continue token that is too old; the Status carries one that goes on from the newest state."""

    def __init__(self, token: str) -> None:
        super().__init__(_INCONSISTENT_CONTINUE)
        self.token = token

    def status(self) -> JSONObject:
        """The Status with `metadata.continue`."""
        return {**super().status(), "metadata": {"continue": self.token}}


def parse_list(request: Request, info: RequestInfo, descriptor: Descriptor) -> Parsed:
    """The options of a list (or deletecollection); BadRequest, Invalid."""
    raw = _Raw(request)
    _refuse(raw.list_causes())
    chosen = selection(request, descriptor)
    limit = raw.integer("limit")
    scope = f"{info.base}|{info.group}|{info.resource}|{info.namespace}|{chosen}"
    revision, start_after = resourceversion.parse(raw.resource_version), None
    if raw.continue_token:
        if raw.resource_version not in ("", "0"):
            raise errors.BadRequest("specifying resource version is not allowed when using continue")
        revision, start_after = _decode_continue(raw.continue_token, scope)
    options = storage.ListOptions(
        namespace=info.namespace,
        name=info.name,
        revision=revision or None,
        exact=bool(revision)
        and (bool(raw.continue_token) or raw.match == EXACT or (limit > 0 and not raw.match)),
        limit=limit,
        start_after=start_after,
        matches=chosen.predicate(),
    )
    return Parsed(
        options, chosen, continue_scope=scope, is_continued=bool(raw.continue_token),
        timeout_seconds=raw.integer("timeoutSeconds"), include_object=include_object(request),
    )  # fmt: skip


def parse_watch(request: Request, info: RequestInfo, descriptor: Descriptor) -> Parsed:
    """The options of a watch; BadRequest, Invalid."""
    raw = _Raw(request)
    _refuse(raw.watch_causes())
    chosen = selection(request, descriptor)
    options = storage.ListOptions(
        namespace=info.namespace,
        name=info.name,
        revision=resourceversion.parse(raw.resource_version) or None,
    )
    return Parsed(
        options, chosen, timeout_seconds=raw.integer("timeoutSeconds"),
        bookmarks=raw.boolean("allowWatchBookmarks") is True, send_initial_events=raw.send_initial_events,
        include_object=include_object(request),
    )  # fmt: skip


def selection(request: Request, descriptor: Descriptor) -> Selection:
    """Both selectors of a request; BadRequest."""
    return Selection(
        labels.parse(request.parameter("labelSelector")),
        fields.parse(request.parameter("fieldSelector"), descriptor.selectable_fields),
    )


def include_object(request: Request) -> str:
    """How much of the object a Table's row holds; BadRequest."""
    policy = request.parameter("includeObject") or "Metadata"
    if policy not in ("None", "Metadata", "Object"):
        causes = [field.invalid("includeObject", policy, 'must be "Metadata", "Object", "None", or empty')]
        raise errors.invalid("meta.k8s.io", "TableOptions", "", causes)
    return policy


def continue_token(revision: int, start_after: tuple[str, str, str], scope: str) -> str:
    """The token with which a list goes on behind `start_after`, as of `revision` (0: the newest state)."""
    return resourceversion.encode_continue(revision, orjson.dumps(start_after).decode(), scope, _secret())


def _decode_continue(token: str, scope: str) -> tuple[int, tuple[str, str, str]]:
    revision, start_key = resourceversion.decode_continue(token, scope, _secret())
    cluster, namespace, name = orjson.loads(start_key)
    return revision, (cluster, namespace, name)


def _secret() -> bytes:
    """Ties tokens to this deployment: every web process has the same key."""
    return str(settings.SECRET_KEY).encode()


def deadline_seconds(parsed: Parsed) -> float:
    """How long a watch lasts: as asked, otherwise a random 30 to 60 minutes, so that clients spread."""
    return float(parsed.timeout_seconds) or 1800 + secrets.randbelow(1800_000) / 1000


class _Raw:
    """The parameters as sent, typed."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.resource_version = request.parameter("resourceVersion")
        self.match = request.parameter("resourceVersionMatch")
        self.continue_token = request.parameter("continue")
        self.send_initial_events = self.boolean("sendInitialEvents")

    def boolean(self, name: str) -> bool | None:
        """True, False, or None when it is absent; Kubernetes takes any text but ``0`` and ``false`` for true."""
        if name not in self.request.query:
            return None
        return self.request.parameter(name).lower() not in ("0", "false")

    def integer(self, name: str) -> int:
        """A number of 0 to 2^63-1, 0 when it is absent; BadRequest."""
        text = self.request.parameter(name)
        if not text:
            return 0
        if not (text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= _MAX_INT64):
            shown = field.shown(text)
            raise errors.BadRequest(
                f"invalid parameter {name}: strconv.ParseInt: parsing {shown}: invalid syntax"
            )
        return int(text)

    def list_causes(self) -> list[Cause]:
        """What is wrong with the combination of a list's options."""
        causes = []
        if self.match:
            path = "resourceVersionMatch"
            if not self.resource_version:
                causes.append(
                    field.forbidden(path, f"{path} is forbidden unless resourceVersion is provided")
                )
            if self.continue_token:
                causes.append(field.forbidden(path, f"{path} is forbidden when continue is provided"))
            if self.match not in (EXACT, NOT_OLDER_THAN):
                causes.append(field.not_supported(path, self.match, [EXACT, NOT_OLDER_THAN, ""]))
            if self.match == EXACT and self.resource_version == "0":
                causes.append(field.forbidden(path, f'{path} "exact" is forbidden for resourceVersion "0"'))
        if self.send_initial_events is not None:
            causes.append(field.forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"))
        return causes

    def watch_causes(self) -> list[Cause]:
        """What is wrong with the combination of a watch's options."""
        causes = []
        path = "resourceVersionMatch"
        if self.send_initial_events is not None and self.match != NOT_OLDER_THAN:
            causes.append(
                field.forbidden(path, f"sendInitialEvents requires setting {path} to {NOT_OLDER_THAN}")
            )
        if self.match:
            if self.send_initial_events is None:
                detail = f"{path} is forbidden for watch unless sendInitialEvents is provided"
                causes.append(field.forbidden(path, detail))
            if self.match != NOT_OLDER_THAN:
                causes.append(field.not_supported(path, self.match, [NOT_OLDER_THAN]))
            if self.continue_token:
                causes.append(field.forbidden(path, f"{path} is forbidden when continue is provided"))
        return causes


def _refuse(causes: list[Cause]) -> None:
    if causes:
        raise errors.invalid("meta.k8s.io", "ListOptions", "", causes)
