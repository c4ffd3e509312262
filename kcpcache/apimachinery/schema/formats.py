"""The `format` values that Kubernetes checks; all others are ignored, as there.

Source: k8s.io/kube-openapi, pkg/validation/strfmt. Every expression here takes linear time; those that repeat what
repeats are RE2's, which never goes back.
"""

from __future__ import annotations

import datetime
import ipaddress
import re
from collections.abc import Callable

import re2

Check = Callable[[str], bool]

_TIME = re.compile(r"([0-9]{2}):([0-9]{2}):([0-9]{2})(\.[0-9]+)?(z|[+-][0-9]{2}:[0-9]{2})", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_GO_TIME = re.compile(
    r"([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]+)?(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
)
_MICROSECONDS = re.compile(r"\.[0-9]{6}")
_GO_DURATION = re2.compile(r"[-+]?(?:0|(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)")
_WORDED_DURATION = re2.compile(
    r"(?:\d+\s*(?:ns|nano|us|µs|micro|ms|milli|s|sec|m|min|h|hr|hour|d|day|w|wk|week)s?\s*)+"
)
_MAX_DURATION_CHARS = 256
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?", re.ASCII)
_EMAIL = re.compile(r"(?:[^@<>]*<)?[^\s@<>()\[\],;:\\\"]+@[^\s@<>()\[\],;:\\\"]+>?")
_LABEL = re.compile(r"[^\W_](?:[\w-]{0,61}[^\W_])?")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:", re.ASCII)
_BAD_URI = re.compile(r"[\x00-\x20\x7f]|%(?![0-9A-Fa-f]{2})")
_MAC = re.compile(
    r"(?:[0-9a-f]{2}([:-])(?:[0-9a-f]{2}\1){4}(?:(?:[0-9a-f]{2}\1){2}|(?:[0-9a-f]{2}\1){14})?[0-9a-f]{2})"
    r"|(?:[0-9a-f]{4}\.){2}(?:(?:[0-9a-f]{4}\.)|(?:[0-9a-f]{4}\.){7})?[0-9a-f]{4}",
    re.ASCII | re.IGNORECASE,
)
_INTEGER_RANGES = {"int32": (-(2**31), 2**31 - 1), "int64": (-(2**63), 2**63 - 1)}


def check(name: str, *, go_times: bool = False) -> Check | None:
    """What decides whether a string has the format; None if any string does.

    `go_times` takes of ``date-time`` only what Go's clients can read, as kube-apiserver does for built-in kinds.
    """
    if go_times and name == "date-time":
        return is_time
    return _CHECKS.get(name.replace("-", ""))


def integer_range(name: str) -> tuple[int, int] | None:
    """The least and the greatest integer of a numeric format; None if it bounds nothing."""
    return _INTEGER_RANGES.get(name)


def _is_date(text: str) -> bool:
    if not _DATE.fullmatch(text):
        return False
    try:
        datetime.date.fromisoformat(text)
    except ValueError:
        return False
    return True


def is_time(text: str) -> bool:
    """Whether the text is a `metav1.Time` that every client can read: RFC 3339, with capital letters."""
    date, _, time = text.partition("T")
    return _GO_TIME.fullmatch(time) is not None and _is_date(date)


def is_micro_time(text: str) -> bool:
    """Whether the text is a `metav1.MicroTime`: the same with exactly six digits of a second."""
    date, _, time = text.partition("T")
    match = _GO_TIME.fullmatch(time)
    return bool(match and match[2] and _MICROSECONDS.fullmatch(match[2])) and _is_date(date)


def _is_date_time(text: str) -> bool:
    """What kube-openapi takes for a date and a time in custom resources: more than RFC 3339 does."""
    date, separator, time = text.lower().partition("t")
    match = _TIME.fullmatch(time)
    if not separator or match is None or not _is_date(date):
        return False
    return match[1] <= "23" and match[2] <= "59" and match[3] <= "59"


def _is_duration(text: str) -> bool:
    if len(text) > _MAX_DURATION_CHARS:
        return False
    return bool(_GO_DURATION.fullmatch(text) or _WORDED_DURATION.fullmatch(text.lower()))


def _is_uri(text: str) -> bool:
    if not (text.startswith("/") or _SCHEME.match(text)) or _BAD_URI.search(text):
        return False
    if "://" not in text:
        return True
    host = re.split(r"[/?#]", text.partition("://")[2], maxsplit=1)[0].rpartition("@")[2]
    if host.startswith("["):
        bracketed, closed, port = host[1:].partition("]")
        return bool(closed) and _is_ipv6(bracketed.partition("%25")[0]) and _is_port(port)
    name, colon, port = host.partition(":")
    return not set(name) & set('<>"{}|\\^`[]') and _is_port(colon + port)


def _is_port(text: str) -> bool:
    return text in ("", ":") or (text[0] == ":" and text[1:].isascii() and text[1:].isdigit())


def _is_hostname(text: str) -> bool:
    return 0 < len(text) <= 255 and all(
        _LABEL.fullmatch(label) for label in text.removesuffix(".").split(".")
    )


def _is_ipv4(text: str) -> bool:
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True


def _is_ipv6(text: str) -> bool:
    try:
        return ipaddress.IPv6Address(text).scope_id is None
    except ValueError:
        return False


def _is_cidr(text: str) -> bool:
    _, slash, length = text.partition("/")
    if not slash or not length.isascii() or not length.isdigit():
        return False
    try:
        ipaddress.ip_interface(text)
    except ValueError:
        return False
    return True


def _matcher(pattern: str) -> Check:
    compiled = re.compile(pattern, re.ASCII)
    return lambda text: compiled.fullmatch(text) is not None


def _uuid(version: str, variant: str) -> Check:
    return _matcher(
        rf"(?i)[0-9a-f]{{8}}-?[0-9a-f]{{4}}-?{version}[0-9a-f]{{3}}-?{variant}[0-9a-f]{{3}}-?[0-9a-f]{{12}}"
    )


_CHECKS: dict[str, Check] = {
    "datetime": _is_date_time,
    "date": _is_date,
    "duration": _is_duration,
    "byte": lambda text: _BASE64.fullmatch(text) is not None,
    "email": lambda text: len(text) <= 320 and _EMAIL.fullmatch(text) is not None,
    "hostname": _is_hostname,
    "ipv4": _is_ipv4,
    "ipv6": _is_ipv6,
    "cidr": _is_cidr,
    "uri": _is_uri,
    "mac": lambda text: _MAC.fullmatch(text) is not None,
    "uuid": _uuid("[0-9a-f]", "[0-9a-f]"),
    "uuid3": _uuid("3", "[0-9a-f]"),
    "uuid4": _uuid("4", "[89ab]"),
    "uuid5": _uuid("5", "[89ab]"),
    "hexcolor": _matcher(r"#?(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})"),
    "bsonobjectid": _matcher(r"[0-9a-fA-F]{24}"),
    "ssn": _matcher(r"\d{3}[- ]?\d{2}[- ]?\d{4}"),
}
