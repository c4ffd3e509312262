"""Kubernetes' CEL URL library: url, isURL and the parts of a URL."""

from __future__ import annotations

import urllib.parse

from kcpcache.apimachinery.cel.declare import (
    BOOL,
    MAP,
    STRING,
    Declaration,
    function,
    method,
    tagged,
    untagged,
)

Tagged = dict[str, str]


def declarations() -> list[Declaration]:
    """The functions of this library."""
    return [
        function("url", lambda text: tagged("url", _parsed(text).geturl() and text), MAP, STRING),
        function("isURL", _is_url, BOOL, STRING),
        method("getScheme", lambda url: _parts(url).scheme, STRING, MAP),
        method("getHost", _host, STRING, MAP),
        method("getHostname", lambda url: _parts(url).hostname or "", STRING, MAP),
        method("getPort", _port, STRING, MAP),
        method("getEscapedPath", lambda url: _parts(url).path, STRING, MAP),
        method("getQuery", _query, MAP, MAP),
    ]


def _parsed(text: str) -> urllib.parse.SplitResult:
    """What Go's url.ParseRequestURI accepts: an absolute URI, or an absolute path."""
    if any(character <= " " or character == "\x7f" for character in text):
        raise ValueError(f"URL parse error during conversion from string: {text!r}")
    parts = urllib.parse.urlsplit(text)
    if not parts.scheme and not text.startswith("/"):
        raise ValueError(f"URL parse error during conversion from string: {text!r}: invalid URI for request")
    if parts.port is not None and parts.port < 0:
        raise ValueError("invalid port")
    return parts


def _is_url(text: str) -> bool:
    try:
        _parsed(text)
    except ValueError:
        return False
    return True


def _parts(url: Tagged) -> urllib.parse.SplitResult:
    return urllib.parse.urlsplit(str(untagged("url", url)))


def _host(url: Tagged) -> str:
    return _parts(url).netloc.rpartition("@")[2]


def _port(url: Tagged) -> str:
    port = _parts(url).port
    return "" if port is None else str(port)


def _query(url: Tagged) -> dict[str, list[str]]:
    return urllib.parse.parse_qs(_parts(url).query, keep_blank_values=True)
