"""The front and the Django REST framework view behind it give the same bytes for the same request."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from django.test import Client

from tests.unit.apiserver import client
from tests.unit.apiserver.backends import ADMIN_TOKEN, USER_TOKEN, Backend
from tests.unit.apiserver.conftest import Caller

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
OWN_TO_EACH = ("audit-id", "x-request-id", "date")
M, F, C, B = client.MEMORY_FLAVORS, client.FLAVORS, client.CONFIG_MAPS, client.BASE
FLAVOR = {
    "apiVersion": "cloud.example.com/v1",
    "kind": "CPUFlavor",
    "metadata": {"name": "x"},
    "spec": {"cores": 1},
}

READS: list[tuple[str, str, dict[str, str]]] = [
    ("GET", M, {}), ("GET", f"{M}/a", {}), ("GET", f"{M}/none", {}), ("GET", F, {}), ("GET", f"{F}/none", {}),
    ("GET", f"{M}?limit=1", {}), ("GET", f"{M}?labelSelector=size%3D1", {}),
    ("GET", f"{M}?fieldSelector=spec.size%3D1", {}),
    ("GET", f"{M}?labelSelector=a+b+c", {}), ("GET", f"{M}?resourceVersion=99999", {}), ("GET", f"{M}?pretty=1", {}),
    ("GET", f"{M}?resourceVersionMatch=Exact", {}), ("GET", M, {"accept": "application/yaml"}),
    ("GET", M, {"accept": TABLE}), ("GET", f"{M}/a", {"accept": TABLE}), ("GET", M, {"accept": "text/html"}),
    ("GET", M, {"accept": "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"}),
    ("GET", f"{M}/big", {"accept-encoding": "gzip"}), ("GET", M, {"accept-encoding": "gzip"}),
    ("GET", M, {"if-none-match": "*"}), ("GET", f"{M}/a/status", {}), ("GET", f"{M}/%00", {}),
    ("GET", f"{B}/api", {}), ("GET", f"{B}/apis", {}), ("GET", f"{B}/api/v1", {}),
    ("GET", f"{B}/apis/cloud.example.com", {}),
    ("GET", f"{B}/apis/cloud.example.com/v1", {}), ("GET", f"{B}/apis/none", {}), ("GET", B, {}),
    ("GET", f"{B}/readyz", {}),
    ("GET", f"{B}/apis", {"accept": "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"}),
    ("GET", f"{B}/openapi/v3", {}), ("GET", f"{B}/openapi/v3/api/v1", {}), ("GET", f"{B}/openapi/v2", {}),
    ("GET", f"{B}/version", {}), ("GET", "/version", {}), ("GET", "/clusters/none/api", {}),
    ("GET", "/services/x", {}),
    ("GET", "/clusters/Bad_Name/api", {}), ("OPTIONS", M, {}), ("OPTIONS", f"{M}/a", {}), ("FOO", f"{F}/x", {}),
    ("HEAD", M, {}), ("HEAD", f"{M}/a", {}), ("GET", M, {"authorization": "Bearer nobody"}),
    ("GET", M, {"authorization": ""}),
    ("GET", M, {"authorization": f"Bearer {USER_TOKEN}"}), ("GET", M, {"impersonate-user": "x"}),
]  # fmt: skip
WRITES: list[tuple[str, str, Any, dict[str, str]]] = [
    ("POST", M, FLAVOR, {}), ("DELETE", f"{M}/a", None, {}), ("DELETE", M, None, {}), ("PUT", f"{M}/a", FLAVOR, {}),
    ("PATCH", f"{M}/a/scale", {}, {}), ("POST", f"{F}?dryRun=Some", FLAVOR, {}), ("POST", F, b"{", {}),
    ("POST", F, b"x" * 4_000_000, {}), ("POST", F, FLAVOR, {"content-encoding": "gzip"}),
    ("POST", F, b"a", {"content-type": "text/plain"}), ("PUT", f"{F}/y", FLAVOR, {}), ("PUT", f"{F}/x", FLAVOR, {}),
    ("PATCH", f"{F}/x", {}, {"content-type": "application/json"}), ("DELETE", f"{F}/x", None, {}),
    ("PUT", F, FLAVOR, {}),
    ("PATCH", f"{F}/x", {}, {"content-type": "application/merge-patch+json"}), ("POST", f"{F}/x", FLAVOR, {}),
    ("POST", C, {"metadata": {"name": "x", "namespace": "other"}}, {}), ("POST", f"{B}/api/v1/configmaps", {}, {}),
    ("PATCH", f"{F}/x?force=1", {}, {"content-type": "application/merge-patch+json"}),
    ("PATCH", f"{F}/x", {}, {"content-type": "application/apply-patch+yaml"}), ("POST", f"{B}/version", None, {}),
    ("POST", f"{B}/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", {"spec": {}}, {}),
]  # fmt: skip


@pytest.fixture
def flavors(backend: Backend, settings: Any) -> Backend:
    settings.MIDDLEWARE = []  # what Django's own handler adds is not the view's
    for name, size in (("a", "1"), ("b", "2"), ("big", "x" * 200_000)):
        backend.put_memory_flavor(name, size=size, labels={"size": size[:10]})
    return backend


def _through_django(method: str, url: str, body: Any, headers: dict[str, str]) -> client.Answer:
    content = body if isinstance(body, bytes) else b"" if body is None else orjson.dumps(body)
    sent = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
    content_type = headers.get("content-type", "application/json" if content else "")
    response = Client(raise_request_exception=False).generic(
        method, url, content, content_type, secure=True, **sent
    )
    found = {name.lower(): value for name, value in response.items()}
    return client.Answer(response.status_code, found, response.getvalue())


def _assert_same(call: Caller, method: str, url: str, body: Any, headers: dict[str, str]) -> None:
    sent = {"authorization": f"Bearer {ADMIN_TOKEN}", "host": "testserver", **headers}
    front = call(
        method, url, body, token="", **{name.replace("-", "_"): value for name, value in sent.items()}
    )
    behind = _through_django(method, url, body, sent)
    assert front.status == behind.status
    assert front.body == behind.body
    for name in (*OWN_TO_EACH, "connection"):
        front.headers.pop(name, None)
        behind.headers.pop(name, None)
    assert front.headers == behind.headers


@pytest.mark.parametrize(("method", "url", "headers"), READS)
def test_reads_are_the_same_bytes(
    call: Caller, flavors: Backend, method: str, url: str, headers: dict[str, str]
) -> None:
    _assert_same(call, method, url, None, headers)


@pytest.mark.parametrize(("method", "url", "body", "headers"), WRITES)
def test_refused_writes_are_the_same_bytes(
    call: Caller, flavors: Backend, method: str, url: str, body: Any, headers: dict[str, str]
) -> None:
    _assert_same(call, method, url, body, headers)


def test_internal_errors_are_the_same_status_and_show_nothing(call: Caller, backend: Backend) -> None:
    backend.fails_with = ValueError("the password is hunter2")
    front = call("GET", F)
    behind = _through_django("GET", F, None, {"authorization": f"Bearer {ADMIN_TOKEN}"})
    for answer in (front, behind):
        assert (answer.status, answer.json()["reason"]) == (500, "InternalError")
        assert answer.headers["audit-id"] in answer.json()["message"]
        assert b"hunter2" not in answer.body
