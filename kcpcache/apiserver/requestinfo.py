"""What a URL asks for, as kube-apiserver's RequestInfo, with the workspace prefixes in front.

Source: k8s.io/apiserver `request.RequestInfoFactory`; the prefixes are the project's URL table.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import unquote

from kcpcache.apimachinery import errors

MAX_PATH_BYTES = 8 * 1024
MAX_NAME_CHARACTERS = 253  # of any part of a resource's path; no object has a longer name
MAX_CLUSTER_CHARACTERS = 1024  # of a workspace path

_VERBS = {
    "POST": "create",
    "GET": "get",
    "HEAD": "get",
    "PUT": "update",
    "PATCH": "patch",
    "DELETE": "delete",
}
_NAMESPACE_SUBRESOURCES = ("status", "finalize")
_CLUSTER = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(:[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
_NAME_SELECTOR = re.compile(r"(?:^|,)\s*metadata\.name\s*={1,2}\s*([^,=!\s]+)\s*(?=,|$)")
_PREFIX_LENGTHS = {"replication": 2, "apiexport": 2, "cache": 2}


@dataclass(frozen=True, slots=True)
class RequestInfo:
    """One request, taken apart.

    `prefix` names the kind of server (``clusters``, ``replication``, ``apiexport``, ``cache``, or empty for
    the root), `prefix_args` what stands in the URL between it and `cluster`, `base` is all of that as sent.
    `rest` is the path inside. `verb` is Kubernetes' verb for resources and the lower-case method for paths.
    """

    prefix: str = ""
    prefix_args: tuple[str, ...] = ()
    base: str = ""
    cluster: str = ""
    rest: str = "/"
    is_resource: bool = False
    api_prefix: str = ""
    group: str = ""
    version: str = ""
    namespace: str = ""
    resource: str = ""
    name: str = ""
    subresource: str = ""
    verb: str = ""
    dry_run: bool = False

    @property
    def qualified(self) -> str:
        """``resource.group``, as error messages name it."""
        return f"{self.resource}.{self.group}" if self.group else self.resource


def parse(method: str, raw_path: str, query: Mapping[str, Sequence[str]]) -> RequestInfo:
    """Take a request's URL apart.

    `raw_path` is the path as sent, percent-encoding and all; `query` the decoded parameters. Raises
    BadRequest for a path that no client means (encoded slashes, NUL, dot segments, bad UTF-8), NotFound for
    one that addresses nothing.
    """
    segments = _segments(raw_path)
    prefix, args, cluster, length = _prefix(segments)
    inside = segments[length:]
    fields = _Address("", verb=method.lower())
    if len(inside) >= 3 and (inside[0] == "api" or (inside[0] == "apis" and len(inside) >= 4)):
        fields = _address(method, inside, query)
    base = "/" + "/".join(raw_path.strip("/").split("/")[:length]) if length else ""
    return RequestInfo(
        prefix,
        args,
        base,
        cluster,
        "/" + "/".join(inside),
        bool(fields.api_prefix),
        *fields,
        bool(query.get("dryRun")),
    )


def flag(query: Mapping[str, Sequence[str]], name: str) -> bool:
    """A boolean parameter as Kubernetes converts it: absent, ``0`` and ``false`` are false, the rest is true."""
    values = query.get(name)
    return bool(values) and values[0].lower() not in ("0", "false")  # type: ignore[index]


def _segments(raw_path: str) -> list[str]:
    if len(raw_path) > MAX_PATH_BYTES:
        raise _not_found()
    segments = []
    for raw in raw_path.strip("/").split("/"):
        segment = raw
        if "%" in raw or not raw.isascii():
            try:
                segment = unquote(raw, errors="strict")
            except UnicodeDecodeError:
                raise errors.BadRequest("the path is not valid UTF-8") from None
        if "/" in segment or "\0" in segment or segment in (".", ".."):
            raise errors.BadRequest(
                f"invalid path segment {segment!r}: may not be '.' or '..', nor contain '/' or NUL"
            )
        segments.append(segment)
    if "" in segments and len(segments) > 1:
        raise _not_found()
    return segments if segments != [""] else []


class _Address(NamedTuple):
    """The part of RequestInfo that lies behind the prefix, in its order."""

    api_prefix: str
    group: str = ""
    version: str = ""
    namespace: str = ""
    resource: str = ""
    name: str = ""
    subresource: str = ""
    verb: str = ""


def _prefix(segments: list[str]) -> tuple[str, tuple[str, ...], str, int]:
    """Prefix, its arguments, the cluster, and how many segments these take; all empty at the root."""
    if not segments or segments[0] not in ("clusters", "services"):
        return "", (), "", 0
    prefix, at = "clusters", 0
    if segments[0] == "services":
        prefix = segments[1] if len(segments) > 1 else ""
        if prefix not in _PREFIX_LENGTHS:
            raise _not_found()
        at = 2 + _PREFIX_LENGTHS[prefix]
    if len(segments) < at + 2 or segments[at] != "clusters":
        raise _not_found()
    args = tuple(segments[2:at])
    if prefix == "cache":
        if args[0] != "shards":
            raise _not_found()
        args = args[1:]
    cluster = segments[at + 1]
    for name in (cluster, args[0]) if prefix in ("replication", "apiexport") else (cluster,):
        if len(name) > MAX_CLUSTER_CHARACTERS or not (name == "*" or _CLUSTER.fullmatch(name)):
            raise errors.BadRequest(f"invalid cluster name {name[:64]!r}")
    return prefix, args, cluster, at + 2


def _address(method: str, inside: list[str], query: Mapping[str, Sequence[str]]) -> _Address:
    if any(len(part) > MAX_NAME_CHARACTERS for part in inside):
        raise _not_found()
    group, version, parts = (
        ("", inside[1], inside[2:]) if inside[0] == "api" else (inside[1], inside[2], inside[3:])
    )
    verb = _VERBS.get(method, "")
    if parts[0] == "watch":
        if len(parts) < 2:
            raise _not_found()
        verb, parts = "watch" if method in ("GET", "HEAD") else "", parts[1:]
    namespace = ""
    if parts[0] == "namespaces" and len(parts) > 1:
        namespace = parts[1]
        if len(parts) > 2 and parts[2] not in _NAMESPACE_SUBRESOURCES:
            parts = parts[2:]
    if len(parts) > 3:
        raise _not_found()
    resource, name, subresource = (*parts, "", "")[:3]
    if not name and verb == "get":
        verb = "watch" if flag(query, "watch") else "list"
    if not name and verb == "delete":
        verb = "deletecollection"
    if not name and verb in ("list", "watch", "deletecollection"):
        name = _selected_name(query)
    return _Address(inside[0], group, version, namespace, resource, name, subresource, verb)


def _selected_name(query: Mapping[str, Sequence[str]]) -> str:
    """The name that `fieldSelector=metadata.name=x` asks for, so that a right to one name suffices."""
    selector = (query.get("fieldSelector") or [""])[0]
    found = _NAME_SELECTOR.search(selector)
    return found.group(1) if found else ""


def _not_found() -> errors.NotFound:
    return errors.NotFound("the server could not find the requested resource")
