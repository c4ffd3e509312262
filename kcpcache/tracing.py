"""OpenTelemetry traces, when OTEL_EXPORTER_OTLP_ENDPOINT is set and the packages of requirements-otel.txt are there.

Otherwise nothing is imported and nothing is done: callers ask `is_on` first, which is one look-up. Spans: the request,
the reconcile pass, the batches that replicate; a task's span belongs to the trace of the request that caused it.
Everything else (service name, headers, sampling) is read by OpenTelemetry from its own variables.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from typing import Any

logger = logging.getLogger(__name__)

is_on = False

_tracer: Any = None
_task: ContextVar[Any] = ContextVar("task_span", default=None)


def configure() -> None:
    """Begin to trace where the environment asks for it; a package that is missing is said once, in the log."""
    if is_on or not os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        logger.warning(
            "there are no traces, as a package is missing (%s): see requirements-otel.txt", error.name
        )
        return
    start(BatchSpanProcessor(OTLPSpanExporter()))


def start(processor: Any) -> None:
    """Trace from now on; spans that have ended go to an OpenTelemetry span processor."""
    global is_on, _tracer
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider

    os.environ.setdefault("OTEL_SERVICE_NAME", "kcpcache")
    provider = TracerProvider(resource=Resource.create())
    provider.add_span_processor(processor)
    _tracer = provider.get_tracer("kcpcache")
    is_on = True


def stop() -> None:
    """Trace no more."""
    global is_on, _tracer
    is_on, _tracer = False, None


@contextlib.contextmanager
def span(name: str, /, **attributes: str | int) -> Iterator[None]:
    """A span for the length of the block, below the one in hand."""
    if not is_on:
        yield
        return
    with _tracer.start_as_current_span(
        name, attributes={f"kcpcache.{key}": v for key, v in attributes.items()}
    ):
        yield


def begin_request(span: Any, method: str, headers: Mapping[str, str]) -> Any:
    """Make a request's span the one in hand; it is begun at the first call, below the caller's `traceparent`."""
    from opentelemetry import context, propagate, trace

    if span is None:
        span = _tracer.start_span(method, context=propagate.extract(headers), kind=trace.SpanKind.SERVER)
    context.attach(trace.set_span_in_context(span))
    return span


def end_request(span: Any, method: str, path: str, status: int) -> None:
    """End a request's span."""
    span.set_attributes(
        {"http.request.method": method, "url.path": path, "http.response.status_code": status}
    )
    span.end()


def headers() -> dict[str, str]:
    """What a message carries so that its task's span is below the one in hand."""
    from opentelemetry import propagate

    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    return carrier


def begin_task(name: str, sent: Mapping[str, Any]) -> None:
    """Begin a task's span, below the one its message carries."""
    from opentelemetry import context, propagate, trace

    span = _tracer.start_span(name, context=propagate.extract(sent), kind=trace.SpanKind.CONSUMER)
    _task.set((span, context.attach(trace.set_span_in_context(span))))


def end_task() -> None:
    """End the task's span."""
    from opentelemetry import context

    begun = _task.get()
    if begun is not None:
        span, token = begun
        span.end()
        context.detach(token)
        _task.set(None)
