"""What anybody can send wrongly makes no traceback, and few lines."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.http import UnreadablePostError
from django.test import Client

from kcpcache import logs, refusals, requestid

pytestmark = pytest.mark.django_db


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What a handler of the log writes."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.LineFormatter())
    handler.addFilter(refusals.Filter())
    handler.addFilter(requestid.Filter())
    logging.getLogger().addHandler(handler)
    yield stream
    logging.getLogger().removeHandler(handler)


@pytest.mark.parametrize("accept", ["application/json", "text/html"])
def test_host_that_is_not_ours_is_a_status_and_one_line(written: io.StringIO, accept: str) -> None:
    for _ in range(30):
        answer = Client().get("/api/", HTTP_HOST="evil.example", HTTP_ACCEPT=accept)
    assert answer.status_code == 400
    status = json.loads(answer.content)
    assert (status["kind"], status["reason"]) == ("Status", "BadRequest")
    assert "KCPCACHE_ALLOWED_HOSTS" in status["message"]
    (line,) = written.getvalue().splitlines()
    assert "DisallowedHost" in line
    assert len(line) < 400


def test_host_that_is_not_ours_is_a_page_in_a_browser(written: io.StringIO) -> None:
    answer = Client().get("/admin/", HTTP_HOST="evil.example", HTTP_ACCEPT="text/html")
    assert (answer.status_code, answer["Content-Type"].partition(";")[0]) == (400, "text/html")
    assert len(written.getvalue().splitlines()) == 1


def test_body_with_too_much_in_it_is_one_line(written: io.StringIO, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    for _ in range(3):
        answer = Client(enforce_csrf_checks=True).post("/admin/login/", {"username": "x" * 5000})
        assert answer.status_code in (400, 403)
    many = {f"field-{number}": "x" for number in range(2000)}
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10**6
    assert Client(enforce_csrf_checks=True).post("/admin/login/", many).status_code in (400, 403)
    lines = written.getvalue().splitlines()
    assert len(lines) <= 3
    assert "Traceback" not in written.getvalue()


@pytest.mark.parametrize(
    "path", ["/admin/%ff/", "/admin/%00", "/api/%zz", "/admin/?q=%ff%00", "/api/..%2f..%2f"]
)
def test_bad_percent_encoding_makes_no_traceback(written: io.StringIO, path: str) -> None:
    assert Client().get(path).status_code in (301, 302, 400, 401, 404)
    assert "Traceback" not in written.getvalue()


def test_cookie_that_was_forged_makes_no_traceback(written: io.StringIO) -> None:
    client = Client()
    client.cookies["sessionid"] = "x" * 5000 + "\x00"
    assert client.get("/admin/").status_code in (302, 400)
    assert "Traceback" not in written.getvalue()


def test_client_that_went_away_makes_no_line(written: io.StringIO) -> None:
    try:
        raise UnreadablePostError("gone")
    except UnreadablePostError:
        logging.getLogger("django.request").exception("Internal Server Error")
    assert not written.getvalue()


def test_every_kind_has_a_line_of_its_own_with_its_count(
    written: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr(refusals.time, "monotonic", lambda: now)
    for _ in range(5):
        logging.getLogger("django.security.DisallowedHost").error("one")
    logging.getLogger("django.security.TooManyFieldsSent").error("two")
    now = refusals.INTERVAL_SECONDS
    logging.getLogger("django.security.DisallowedHost").error("three")
    first, second, third = written.getvalue().splitlines()
    assert "(0 more since the last line): DisallowedHost: one" in first
    assert "TooManyFieldsSent" in second
    assert "(4 more since the last line): DisallowedHost: three" in third
