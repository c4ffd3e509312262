from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kcpcache.apimachinery import errors, systemuser
from kcpcache.apiserver import authorization, requestinfo
from kcpcache.apiserver.exchange import User
from tests.unit.apiserver import client
from tests.unit.apiserver.backends import USER_TOKEN
from tests.unit.apiserver.conftest import Caller

EVERYWHERE = [
    client.MEMORY_FLAVORS, f"{client.MEMORY_FLAVORS}?watch=1", f"{client.FLAVORS}/x", f"{client.BASE}/api",
    f"{client.BASE}/openapi/v3", f"{client.BASE}/version", "/version", "/services/cache/shards/root/clusters/x/apis",
]  # fmt: skip


@pytest.mark.parametrize("url", EVERYWHERE)
def test_nobody_is_let_in_without_a_token(call: Caller, url: str) -> None:
    answer = call("GET", url, token="")
    assert answer.status == 401
    assert answer.json()["reason"] == "Unauthorized"
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("header", ["Bearer nobody", "Bearer ", "Basic YTpi", "admin-token"])
def test_credentials_that_nobody_issued_are_401(call: Caller, header: str) -> None:
    assert call("GET", client.FLAVORS, token="", authorization=header).status == 401


@pytest.mark.parametrize("url", EVERYWHERE)
def test_users_without_rights_may_do_nothing(call: Caller, url: str) -> None:
    answer = call("GET", url, token=USER_TOKEN)
    assert answer.status == 403
    assert answer.json()["reason"] == "Forbidden"


@pytest.mark.parametrize("url", [*EVERYWHERE, "/metrics"])
def test_controllers_name_opens_nothing_to_a_client(url: str) -> None:
    """Not even with the strongest group: what bears the name passes checks that are for clients."""
    info = requestinfo.parse("GET", url.partition("?")[0], {})
    with pytest.raises(errors.Forbidden):
        authorization.authorize(User(systemuser.NAME, "7", (authorization.MASTERS,)), info)
    authorization.authorize(User("admin", "1", (authorization.MASTERS,)), info)


def test_forbidden_message_is_kube_apiservers(call: Caller) -> None:
    answer = call("GET", client.FLAVORS, token=USER_TOKEN).json()
    assert answer["message"] == (
        'cpuflavors.cloud.example.com is forbidden: User "mallory" cannot list resource "cpuflavors" '
        'in API group "cloud.example.com" at the cluster scope'
    )
    assert answer["details"] == {"group": "cloud.example.com", "kind": "cpuflavors"}
    answer = call("DELETE", f"{client.CONFIG_MAPS}/a", token=USER_TOKEN).json()
    assert answer["message"] == (
        'configmaps "a" is forbidden: User "mallory" cannot delete resource "configmaps" '
        'in API group "" in the namespace "default"'
    )
    answer = call("GET", f"{client.BASE}/version", token=USER_TOKEN).json()
    assert answer["message"] == 'forbidden: User "mallory" cannot get path "/version"'


def test_forged_identity_headers_give_nothing(call: Caller) -> None:
    forged = {"x_remote_user": "admin", "x_remote_group": "system:masters"}
    assert call("GET", client.FLAVORS, token="", **forged).status == 401
    assert call("GET", client.FLAVORS, token=USER_TOKEN, **forged).status == 403


@pytest.mark.parametrize(
    "header", ["impersonate_user", "impersonate_group", "impersonate_uid", "impersonate_extra_x"]
)
def test_impersonation_is_refused_and_not_ignored(call: Caller, header: str) -> None:
    assert call("GET", client.FLAVORS, **{header: "bob"}).status == 403


def test_static_token_file_is_kube_apiservers(call: Caller, settings: Any, tmp_path: Path) -> None:
    tokens = tmp_path / "tokens.csv"
    tokens.write_text('s3cret,root,0,"system:masters,people"\nplain,bob,7\n')
    settings.KCPCACHE_TOKEN_AUTH_FILE = str(tokens)
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    url = f"{client.BASE}/apis/authentication.k8s.io/v1/selfsubjectreviews"
    answer = call("POST", url, review, token="s3cret")
    assert answer.status == 201
    assert answer.json()["status"]["userInfo"] == {
        "username": "root", "uid": "0", "groups": ["system:masters", "people", "system:authenticated"],
    }  # fmt: skip
    assert call("POST", url, review, token="plain").status == 403
    assert call("POST", url, review, token="s3cre").status == 401


def test_can_i_is_answered_for_oneself(call: Caller) -> None:
    url = f"{client.BASE}/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    review = {
        "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {"verb": "get", "resource": "pods"}},
    }  # fmt: skip
    answer = call("POST", url, review)
    assert (answer.status, answer.json()["status"]["allowed"]) == (201, True)
    assert call("POST", url, {**review, "spec": {}}).status == 422
    assert call("GET", url).status == 405


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/healthz"])
def test_health_needs_no_credentials(call: Caller, path: str) -> None:
    answer = call("GET", path, token="")
    assert (answer.status, answer.body) == (200, b"ok")
    assert (call("POST", path, token="").status, call("POST", path).status) == (401, 404)


def test_readiness_names_what_failed_and_not_why(call: Caller, backend: Any) -> None:
    backend.problem = "password is hunter2"
    answer = call("GET", "/readyz", token="")
    assert answer.status == 500
    assert b"[-]database failed: reason withheld" in answer.body
    assert b"hunter2" not in answer.body
    assert call("GET", "/livez", token="").status == 200
    backend.problem = ""
    assert call("GET", "/readyz?verbose", token="").body.endswith(b"[+]shutdown ok\nreadyz check passed\n")
