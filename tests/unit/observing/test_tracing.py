"""Traces: off unless they are asked for; then one trace from the request through the message to the batch."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from kcpcache import correlation, requestid, tracing
from kcpcache.apiserver import handler
from kcpcache.apiserver.exchange import Request, Response
from tests.servers import PROJECT

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def spans() -> Iterator[Any]:
    """The spans that have ended, in memory."""
    export = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter")
    from opentelemetry import context
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor

    exporter = export.InMemorySpanExporter()
    token = context.attach(context.Context())
    tracing.start(SimpleSpanProcessor(exporter))
    yield exporter
    tracing.stop()
    context.detach(token)


class Task:
    """As much of a Celery task as a signal hands over."""

    name = "replication.tasks.sync"

    def __init__(self, headers: dict[str, str]) -> None:
        self.request = type("Context", (), {"headers": headers})()


def test_request_message_and_batch_are_one_trace(spans: Any) -> None:
    request = Request("POST", "/clusters/root/api/v1/namespaces", {}, {"traceparent": PARENT})
    handler.begin(request)
    sent = correlation.headers()
    handler.finish(request, Response(201, [], []))
    correlation.begin_task(Task(sent))
    assert requestid.current.get() == request.id
    with tracing.span("replicate batch", entries=3):
        pass
    correlation.end_task()
    assert requestid.current.get() == "-"
    ended = {span.name: span for span in spans.get_finished_spans()}
    assert set(ended) == {"POST", "replication.tasks.sync", "replicate batch"}
    assert {format(span.context.trace_id, "032x") for span in ended.values()} == {PARENT.split("-")[1]}
    assert ended["replication.tasks.sync"].parent.span_id == ended["POST"].context.span_id
    assert ended["replicate batch"].parent.span_id == ended["replication.tasks.sync"].context.span_id
    assert ended["POST"].attributes["http.response.status_code"] == 201
    assert ended["replicate batch"].attributes["kcpcache.entries"] == 3


def test_spans_hold_no_credentials(spans: Any) -> None:
    request = Request("GET", "/clusters/root/api", {}, {"authorization": "Bearer very-secret"})
    handler.begin(request)
    handler.finish(request, Response(200, [], []))
    assert "very-secret" not in "".join(span.to_json() for span in spans.get_finished_spans())


def test_nothing_is_imported_while_it_is_off() -> None:
    code = (
        "import os; os.environ['DJANGO_SETTINGS_MODULE']='tests.settings'; import django; django.setup();"
        "import sys, kcpcache.asgi, kcpcache.celery, kcpcache.apiserver.handler;"
        "assert not [m for m in sys.modules if m.startswith('opentelemetry')]"
    )
    subprocess.run([sys.executable, "-c", code], cwd=PROJECT, check=True)


def test_task_of_nobody_has_an_id_of_its_own() -> None:
    correlation.begin_task(Task({}))
    assert requestid.current.get() != "-"
    correlation.end_task()


def test_message_outside_of_requests_carries_nothing() -> None:
    assert correlation.headers() == {}
