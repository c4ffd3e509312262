from __future__ import annotations

import asyncio
import importlib
import threading
from collections.abc import MutableMapping
from typing import Any
from urllib.parse import quote, urlencode

import pytest
import rest_framework.exceptions
from django.db import OperationalError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kcpcache.apimachinery import errors
from kcpcache.apiserver import exceptions, incoming
from kcpcache.apiserver.front import THREADS, Front
from tests.unit.apiserver import client
from tests.unit.apiserver.backends import Backend
from tests.unit.apiserver.conftest import Caller


def test_lifespan_starts_and_stops_the_backend(front: Front, backend: Backend) -> None:
    async def scenario() -> None:
        incoming: asyncio.Queue[MutableMapping[str, Any]] = asyncio.Queue()
        sent: list[str] = []

        async def send(message: MutableMapping[str, Any]) -> None:
            sent.append(message["type"])

        task = asyncio.ensure_future(front({"type": "lifespan"}, incoming.get, send))
        incoming.put_nowait({"type": "lifespan.startup"})
        while not sent:
            await asyncio.sleep(0)
        assert backend.is_started
        incoming.put_nowait({"type": "lifespan.shutdown"})
        await asyncio.wait_for(task, 10)
        assert not backend.is_started
        assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]

    asyncio.run(scenario())


def test_entry_point_is_the_front() -> None:
    assert isinstance(importlib.import_module("kcpcache.asgi").application, Front)


@pytest.mark.parametrize("token", ["", client.ADMIN_TOKEN])
@pytest.mark.parametrize("query", ["?a=%ff", "?" + "&".join(f"a{n}=1" for n in range(200))])
def test_parameters_that_cannot_be_read_are_bad_requests(call: Caller, token: str, query: str) -> None:
    answer = call("GET", client.FLAVORS + query, token=token)
    assert (answer.status, answer.json()["reason"]) == (400, "BadRequest")


def test_client_that_goes_before_its_body_is_complete_leaves_nothing(front: Front, backend: Backend) -> None:
    async def scenario() -> None:
        messages = [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}]

        async def receive() -> MutableMapping[str, Any]:
            return messages.pop(0)

        async def send(message: MutableMapping[str, Any]) -> None:
            raise AssertionError("nobody is there")

        headers = {"authorization": "Bearer admin-token", "transfer-encoding": "chunked"}
        await front(client.http_scope("POST", client.FLAVORS, headers), receive, send)
        assert backend.store.revision == 1

    asyncio.run(scenario())


def test_headers_that_come_again_are_joined_in_order() -> None:
    async def receive() -> MutableMapping[str, Any]:
        raise AssertionError("there is no body")

    scope = client.http_scope("GET", client.FLAVORS, {"accept": "a/1"})
    scope["headers"] += [(b"x", b"y"), *((b"accept", b"a/%d" % number) for number in range(2, 40_000))]
    request, refusal = asyncio.run(incoming.read(scope, receive))
    joined = ", ".join(f"a/{number}" for number in range(1, 40_000))
    assert (request.headers, refusal) == ({"accept": joined, "x": "y"}, None)


def test_endless_body_is_cut_off_at_the_limit(front: Front, backend: Backend) -> None:
    async def scenario() -> None:
        pieces = 0

        async def receive() -> MutableMapping[str, Any]:
            nonlocal pieces
            pieces += 1
            return {"type": "http.request", "body": b"x" * 65536, "more_body": True}

        sent: list[Any] = []

        async def send(message: MutableMapping[str, Any]) -> None:
            sent.append(message)

        headers = {"authorization": "Bearer admin-token", "transfer-encoding": "chunked"}
        await front(client.http_scope("POST", client.FLAVORS, headers), receive, send)
        assert (sent[0]["status"], pieces) == (413, 49)

    asyncio.run(scenario())


def test_failed_check_of_memory_is_answered_without_memory(call: Caller, backend: Backend) -> None:
    async def fails() -> None:
        raise OSError("away")

    backend.freshness_checks = lambda: [fails]  # type: ignore[method-assign]
    backend.put_memory_flavor("a")
    assert call("GET", f"{client.MEMORY_FLAVORS}/a").status == 200


def test_database_that_is_away_is_503_and_not_500(call: Caller, backend: Backend) -> None:
    backend.fails_with = OperationalError("could not connect to host secret-db")
    answer = call("GET", client.FLAVORS)
    assert (answer.status, answer.json()["reason"]) == (503, "ServiceUnavailable")
    assert answer.headers["retry-after"] == "1"
    assert b"secret-db" not in answer.body


@pytest.mark.parametrize(
    ("error", "code", "reason"),
    [
        (rest_framework.exceptions.NotAuthenticated(), 401, "Unauthorized"),
        (rest_framework.exceptions.ParseError("bad"), 400, "BadRequest"),
        (rest_framework.exceptions.Throttled(), 429, "TooManyRequests"),
        (errors.NotFound("gone"), 404, "NotFound"),
        (KeyError("internals"), 500, "InternalError"),
    ],
)
def test_rest_framework_errors_become_a_status(error: Exception, code: int, reason: str) -> None:
    response = exceptions.rest_framework_handler(error, {})
    assert response.status_code == code
    assert f'"reason":"{reason}"' in response.content.decode()
    assert "internals" not in response.content.decode()


def test_compressed_answers_carry_a_weak_etag_that_still_matches(call: Caller, backend: Backend) -> None:
    backend.put_memory_flavor("a", text="x" * 200_000)
    etag = call("GET", client.MEMORY_FLAVORS, accept_encoding="gzip").headers["etag"]
    assert etag.startswith('W/"')
    assert call("GET", client.MEMORY_FLAVORS, if_none_match=etag).status == 304


_PARTS = st.one_of(
    st.sampled_from(
        [
            "clusters", "services", "root:test", "apis", "api", "v1", "cloud.example.com", "memflavors", "cpuflavors",
            "namespaces", "default", "configmaps", "a", "status", "scale", "watch", "openapi", "v3", "v2", "..", "%2e",
            "*", "replication", "apiexport", "cache", "shards", "%", "%zz", "", "version",
        ]
    ),
    st.text(max_size=5),
)  # fmt: skip
_PARAMETERS = st.dictionaries(
    st.sampled_from(
        [
            "labelSelector", "fieldSelector", "limit", "continue", "resourceVersion", "resourceVersionMatch",
            "timeoutSeconds", "includeObject", "pretty", "dryRun", "fieldValidation", "fieldManager", "force",
            "propagationPolicy", "orphanDependents", "sendInitialEvents", "allowWatchBookmarks",
        ]
    ),
    st.text(max_size=8),
    max_size=3,
)  # fmt: skip


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]),
    parts=st.lists(_PARTS, max_size=9),
    inside=st.booleans(),
    parameters=_PARAMETERS,
    body=st.binary(max_size=40) | st.sampled_from([b"{}", b"[]", b'{"metadata":{"name":"a"}}', b"null", b"k8s\0"]),
    media=st.sampled_from(
        ["application/json", "application/yaml", "application/merge-patch+json", "application/json-patch+json",
         "application/apply-patch+yaml", "application/vnd.kubernetes.protobuf", "x"]
    ),
)  # fmt: skip
def test_nonsense_is_refused_with_a_status_and_never_breaks_the_server(
    call: Caller,
    method: str,
    parts: list[str],
    inside: bool,
    parameters: dict[str, str],
    body: bytes,
    media: str,
) -> None:
    parts = ["clusters", "root:test", "apis", "cloud.example.com", "v1", *parts] if inside else parts
    path = quote("/" + "/".join(parts), safe="/%:*")
    if path.startswith(("/admin/", "/api/", "/metrics", "/static/")):
        return
    answer = call(method, f"{path}?{urlencode(parameters)}", body, content_type=media)
    assert answer.status < 500 or answer.status == 504
    if answer.status >= 400 and method != "HEAD":
        assert answer.json()["code"] == answer.status


def test_health_and_credentials_do_not_wait_behind_requests_that_wait_for_the_database(
    front: Front, call: Caller
) -> None:
    released = threading.Event()
    for _ in range(THREADS + 1):
        front._threads.submit(released.wait, 30)
    try:
        assert call("GET", "/livez").status == 200
        assert call("GET", client.FLAVORS, token="nobody-has-this").status == 401
    finally:
        released.set()
