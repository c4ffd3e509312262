"""The log: one line or one JSON object a record, each with the id of the request it belongs to."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse

from kcpcache import logs, requestid
from tests.servers import PROJECT


def record(message: str, *arguments: Any, error: BaseException | None = None) -> logging.LogRecord:
    exc_info = (type(error), error, error.__traceback__) if error else None
    made = logging.LogRecord("kcpcache.test", logging.WARNING, __file__, 1, message, arguments, exc_info)
    requestid.Filter().filter(made)
    return made


def test_line_names_the_request() -> None:
    requestid.current.set("abc")
    line = logs.LineFormatter().format(record("%s is gone", "it"))
    requestid.current.set("-")
    assert line.endswith("WARNING kcpcache.test [abc] it is gone")


def test_line_break_in_a_message_does_not_make_another_record() -> None:
    line = logs.LineFormatter().format(record("one\n2026-01-01 ERROR forged"))
    assert line.count("\n") == 0


def test_json_has_one_object_a_record_with_its_exception() -> None:
    requestid.current.set("abc")
    try:
        raise ValueError("wrong")
    except ValueError as error:
        text = logs.JSONFormatter().format(record("%d failed\nbadly", 2, error=error))
    requestid.current.set("-")
    entry = json.loads(text)
    assert "\n" not in text
    assert (entry["level"], entry["logger"], entry["message"]) == (
        "WARNING",
        "kcpcache.test",
        "2 failed\nbadly",
    )
    assert entry["request_id"] == "abc"
    assert entry["time"].endswith("Z")
    assert "ValueError: wrong" in entry["exception"]


@pytest.mark.parametrize(("format_", "is_json"), [("json", True), ("LINE", False)])
def test_format_is_a_setting(tmp_path: Any, format_: str, is_json: bool) -> None:
    code = "import django; django.setup(); import logging; logging.getLogger('x').warning('hello')"
    environment = {
        "PATH": "/usr/bin:/bin",
        "DJANGO_SETTINGS_MODULE": "kcpcache.settings",
        "KCPCACHE_DATA_DIR": str(tmp_path),
        "KCPCACHE_LOG_FORMAT": format_,
    }
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, env=environment, capture_output=True, text=True, check=True
    )
    line = done.stderr.strip().splitlines()[-1]
    assert line.startswith("{") == is_json
    assert "hello" in line


def test_pages_of_django_get_an_id_that_the_answer_carries() -> None:
    seen: list[str] = []

    def view(request: HttpRequest) -> HttpResponse:
        seen.append(requestid.current.get())
        return HttpResponse()

    response = requestid.middleware(view)(HttpRequest())
    assert response[requestid.HEADER] == seen[0] != "-"


def test_handler_writes_where_it_should() -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.JSONFormatter())
    handler.addFilter(requestid.Filter())
    logger = logging.Logger("alone")
    logger.addHandler(handler)
    logger.error("seen")
    assert json.loads(stream.getvalue())["message"] == "seen"
