"""Who may use ``/api/`` and ``/metrics``, and that failures have one shape."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from tests.unit.rest.conftest import Caller
from workspaces import tokens

PATHS = [
    "/api/", "/api/workspaces", "/api/workspaces/root", "/api/objects", "/api/objects/1", "/api/changes",
    "/api/changes/1", "/api/cachedresources", "/api/cachedresources/x", "/api/replicas", "/api/replicas/x",
    "/api/replicas/x/objects", "/api/replicas/x/objects/y", "/api/bindings", "/api/workers", "/api/checks",
    "/api/schema", "/api/docs", "/api/absent", "/metrics",
]  # fmt: skip
ACTIONS = [f"/api/cachedresources/x/{action}" for action in ("resync", "verify", "repair")]


def assert_status(response: Any, code: int, reason: str) -> None:
    assert response.status_code == code, response.content
    assert response["Content-Type"].startswith("application/json")
    body = response.json()
    assert (body["kind"], body["status"], body["code"], body["reason"]) == ("Status", "Failure", code, reason)


@pytest.mark.parametrize("path", PATHS)
def test_reading_needs_credentials_and_the_right(anonymous: Caller, stranger: Caller, path: str) -> None:
    response = anonymous.get(path)
    assert_status(response, 401, "Unauthorized")
    assert response["WWW-Authenticate"].startswith("Bearer")
    assert_status(Caller("kcpcache-forged").get(path), 401, "Unauthorized")
    assert_status(stranger.get(path), 403, "Forbidden")


@pytest.mark.parametrize("path", ACTIONS)
def test_acting_needs_credentials_and_the_right(anonymous: Caller, stranger: Caller, path: str) -> None:
    assert_status(anonymous.post(path), 401, "Unauthorized")
    assert_status(stranger.post(path), 403, "Forbidden")


def test_impersonation_is_refused(catalogue: None) -> None:
    token = tokens.create("admin", ["system:masters"], None)
    assert_status(Caller(token, **{"impersonate-user": "root"}).get("/api/objects"), 403, "Forbidden")


def test_monitoring_may_read_figures_and_nothing_else(catalogue: None) -> None:
    monitoring = Caller(tokens.create("prometheus", ["system:monitoring"], None))
    assert monitoring.get("/metrics").status_code == 200
    assert_status(monitoring.get("/api/objects"), 403, "Forbidden")
    assert_status(monitoring.get("/clusters/root/api/v1/namespaces"), 403, "Forbidden")


@pytest.mark.parametrize(
    "path", ["/api/absent", "/api/v1/secrets", "/api/objects/x", f"/api/objects/{10**20}"]
)
def test_unknown_path_is_a_status(admin: Caller, path: str) -> None:
    assert_status(admin.get(path), 404, "NotFound")


def test_path_outside_of_api_is_a_status_too(anonymous: Caller) -> None:
    assert_status(anonymous.get("/metricsandmore"), 404, "NotFound")
    assert_status(Caller(host="elsewhere.example").get("/api/"), 400, "BadRequest")


def test_slash_too_many_is_forgiven(admin: Caller) -> None:
    response = admin.get("/api/objects/", name="x")
    assert (response.status_code, response["Location"]) == (301, "/api/objects?name=x")


def test_nothing_but_actions_can_be_written(admin: Caller) -> None:
    for path in ("/api/objects", "/api/workspaces", "/api/cachedresources", "/api/changes/1"):
        assert_status(admin.post(path), 405, "MethodNotAllowed")


def test_what_nobody_can_serve_is_refused(catalogue: None) -> None:
    token = tokens.create("admin", ["system:masters"], None)
    assert_status(Caller(token, accept="image/png").get("/api/objects"), 406, "NotAcceptable")


def test_session_reads_and_acts_with_the_csrf_token_only(browser: Client, admin: Caller) -> None:
    page = browser.get("/api/cachedresources", headers={"accept": "text/html"}, secure=True)
    assert page.status_code == 200
    assert b"cpuflavors-v1" in page.content
    (found,) = admin.results("/api/cachedresources")
    url = f"/api/cachedresources/{found['uid']}/verify"
    assert_status(browser.post(url, secure=True), 403, "Forbidden")
    csrf = browser.get("/api/", headers={"accept": "text/html"}, secure=True).cookies["csrftoken"].value
    headers = {"x-csrftoken": csrf, "referer": "https://testserver/api/"}
    response = browser.post(url, headers=headers, content_type="application/json", secure=True)
    assert (response.status_code, response.json()["is_equal"]) == (200, True)


def test_browser_without_a_session_is_asked_to_log_in(anonymous: Caller) -> None:
    response = Caller(accept="text/html").get("/api/objects?name=x")
    assert response.status_code == 302
    assert response["Location"] == "/admin/login/?next=%2Fapi%2Fobjects%3Fname%3Dx"


@pytest.mark.parametrize(
    "path", ["/api/", "/api/objects", "/api/cachedresources", "/api/checks", "/api/docs"]
)
def test_pages_load_nothing_from_other_hosts(browser: Client, path: str) -> None:
    page = browser.get(path, headers={"accept": "text/html"}, secure=True).content.decode()
    for attribute in (
        'src="',
        'link rel="stylesheet" type="text/css" href="',
        '<link rel="stylesheet" href="',
    ):
        for part in page.split(attribute)[1:]:
            assert part.startswith("/static/"), part[:100]
    assert "validator.swagger.io" not in page
