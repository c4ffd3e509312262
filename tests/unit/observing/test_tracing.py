"""Traces: off unless they are asked for; then one trace from the request through the message to the batch."""

from __future__ import annotations

import os
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


def without_packages(**environment: str) -> subprocess.CompletedProcess[str]:
    """Load the entry points in a process where OpenTelemetry is not installed."""
    code = (
        "import sys; sys.modules['opentelemetry'] = None\n"
        "import os; os.environ['DJANGO_SETTINGS_MODULE'] = 'tests.settings'\n"
        "import django; django.setup()\n"
        "import kcpcache.asgi, kcpcache.celery, kcpcache.tracing\n"
        "print(kcpcache.tracing.is_on)"
    )
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=PROJECT, env={**inherited, **environment}, capture_output=True, text=True, check=True,
    )  # fmt: skip


def test_packages_are_not_needed_while_it_is_off() -> None:
    done = without_packages()
    assert (done.stdout.strip(), "package is missing" in done.stderr) == ("False", False)


def test_missing_packages_are_named_where_traces_are_wanted() -> None:
    done = without_packages(OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:4318")
    assert done.stdout.strip() == "False"
    assert "requirements-otel.txt" in done.stderr


def test_task_of_nobody_has_an_id_of_its_own() -> None:
    correlation.begin_task(Task({}))
    assert requestid.current.get() != "-"
    correlation.end_task()


def test_message_outside_of_requests_carries_nothing() -> None:
    assert correlation.headers() == {}
