"""Complete answers: media type, indentation, caching headers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
import yaml

from kcpcache.apimachinery import errors, yamlscalars
from kcpcache.apimachinery.objects import JSONObject
from kcpcache.apiserver import negotiation
from kcpcache.apiserver.exchange import Request, Response
from kcpcache.apiserver.negotiation import Accepted

NO_CACHE = [("cache-control", "no-cache, private")]

_SafeDumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _Dumper(_SafeDumper):  # type: ignore[misc]
    """Quotes every string, keys included, that readers of Kubernetes' YAML would take for something else.

    PyYAML leaves ``y``, ``1e3`` or ``0o7`` plain: it reads another YAML 1.1 than Go's library does.
    """


def _string(dumper: Any, text: str) -> Any:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if _is_plain(text) else '"')


def _is_plain(text: str) -> bool:
    """Whether a string without quotes is read as itself."""
    try:
        return bool(yamlscalars.resolve(text, None, is_plain=True) == text)
    except errors.BadRequest:  # a number that JSON does not have
        return False


_Dumper.add_representer(str, _string)


def respond(
    request: Request,
    accepted: Accepted,
    pieces: Sequence[bytes],
    status: int = 200,
    headers: Sequence[tuple[str, str]] = (),
) -> Response:
    """An answer from compact JSON in pieces, in the media type and indentation the client wants."""
    all_headers = [("content-type", accepted.content_type), *NO_CACHE, *headers]
    if accepted.media == negotiation.YAML:
        text = yaml.dump(orjson.loads(b"".join(pieces)), Dumper=_Dumper, allow_unicode=True, sort_keys=False)
        return Response(status, all_headers, [text.encode()])
    if negotiation.wants_pretty(request):
        return Response(status, all_headers, [_indented(b"".join(pieces))])
    if len(pieces) == 1:
        return Response(status, all_headers, [pieces[0] + b"\n"])
    return Response(status, all_headers, [*pieces, b"\n"])


def respond_document(
    request: Request, accepted: Accepted, document: JSONObject, status: int = 200, etag: str = ""
) -> Response:
    """An answer from a dictionary; 304 when the client has it already."""
    if etag and is_unchanged(request, etag):
        return Response(304, [*NO_CACHE, ("etag", etag)], [])
    return respond(request, accepted, [orjson.dumps(document)], status, [("etag", etag)] if etag else [])


def is_unchanged(request: Request, etag: str) -> bool:
    """Whether If-None-Match names `etag`, compared weakly as RFC 9110 says."""
    candidates = request.headers.get("if-none-match")
    if not candidates:
        return False
    return candidates.strip() == "*" or etag in (
        each.strip().removeprefix("W/") for each in candidates.split(",")
    )


def _indented(compact: bytes) -> bytes:
    return orjson.dumps(orjson.loads(compact), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
