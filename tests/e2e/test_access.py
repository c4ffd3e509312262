"""Nobody gets in without credentials, and nobody but the masters may do anything."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.e2e import catalogue
from tests.e2e.catalogue import EXPORT, FLAVOURS, Provider
from tests.e2e.http import API
from tests.servers import Server

pytestmark = pytest.mark.e2e

HEALTH = ("/livez", "/readyz", "/healthz")


@pytest.fixture(scope="module")
def provider(server: Server) -> Provider:
    """A provider, so that every kind of URL has something to hide."""
    return catalogue.publish(server, "guarded", count=1)


def urls(provider: Provider) -> list[str]:
    """One URL of each kind that is served."""
    path, cluster = provider.workspace.path, provider.workspace.cluster
    return [
        "/",
        "/api",
        "/apis",
        "/version",
        "/openapi/v2",
        "/openapi/v3",
        "/metrics",
        "/api/",
        "/clusters/root/api",
        "/clusters/root/apis",
        "/clusters/root/version",
        "/clusters/root/openapi/v2",
        "/clusters/root/openapi/v3",
        "/clusters/root/api/v1/namespaces",
        "/clusters/root/api/v1/namespaces/default/secrets",
        "/clusters/root/no/such/path",
        "/clusters/no-such-workspace/api",
        f"/clusters/{path}{FLAVOURS}",
        f"/clusters/{cluster}{FLAVOURS}/cpu-1",
        f"/clusters/{path}{FLAVOURS}?watch=true",
        f"/services/replication/{cluster}/cpuflavors-v1/clusters/*{FLAVOURS}",
        f"/services/replication/{cluster}/cpuflavors-v1/clusters/{cluster}{FLAVOURS}",
        f"/services/apiexport/{path}/{EXPORT}/clusters/*/apis/cloud.example.com/v1/instances",
        f"/services/apiexport/{path}/{EXPORT}/clusters/{cluster}/api",
        "/services/no/such/service",
        "/no-such-path",
    ]


def test_anonymous_is_401_everywhere_but_health(server: Server, provider: Provider) -> None:
    anonymous = API(server, token="")
    for url in urls(provider):
        answer = anonymous.request("GET", url)
        assert answer.status == 401, f"{url}: {answer.status} {answer.content!r}"
        assert answer.json["kind"] == "Status", url
        assert answer.json["reason"] == "Unauthorized", url
    for url in HEALTH:
        assert anonymous.request("GET", url).status == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"])
def test_anonymous_is_401_with_every_method(server: Server, method: str) -> None:
    assert API(server, token="").request(method, "/clusters/root/api/v1/namespaces", {}).status == 401


def test_unknown_token_is_401(server: Server, provider: Provider) -> None:
    stranger = API(server, token="nobody-issued-this")
    for url in urls(provider):
        assert stranger.request("GET", url).status == 401, url


def test_forged_headers_do_not_authenticate(server: Server) -> None:
    headers = {
        "X-Remote-User": "kcp-admin",
        "X-Remote-Group": "system:masters",
        "Impersonate-User": "kcp-admin",
        "Impersonate-Group": "system:masters",
    }
    answer = API(server, token="").request("GET", "/clusters/root/api/v1/namespaces", headers=headers)
    assert answer.status == 401


@pytest.fixture(scope="module")
def visitor(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A kubeconfig of a user who is in no group that may do anything."""
    path = tmp_path_factory.mktemp("visitor") / "kubeconfig"
    server.manage("kubeconfig", "--user", "visitor", "--output", str(path))
    return path


def visitor_api(server: Server, visitor: Path) -> API:
    import yaml

    return API(server, token=yaml.safe_load(visitor.read_text())["users"][0]["user"]["token"])


def test_user_who_is_no_master_is_403(server: Server, provider: Provider, visitor: Path) -> None:
    api = visitor_api(server, visitor)
    for url in (
        "/clusters/root/api/v1/namespaces",
        f"/clusters/{provider.workspace.path}{FLAVOURS}",
        f"/clusters/{provider.workspace.path}{FLAVOURS}?watch=true",
        f"/services/replication/{provider.workspace.cluster}/cpuflavors-v1/clusters/*{FLAVOURS}",
        f"/services/apiexport/{provider.workspace.path}/{EXPORT}/clusters/*/apis/cloud.example.com/v1/instances",
    ):
        answer = api.request("GET", url)
        assert (answer.status, answer.json["reason"]) == (403, "Forbidden"), url
        assert 'User "visitor" cannot' in answer.json["message"], url


def test_impersonation_does_not_make_a_master(server: Server, visitor: Path) -> None:
    api = visitor_api(server, visitor)
    headers = {"Impersonate-User": "kcp-admin", "Impersonate-Group": "system:masters"}
    answer = api.request("GET", "/clusters/root/api/v1/namespaces", headers=headers)
    assert answer.status in (400, 403)


def test_kubectl_of_a_visitor_fails_with_forbidden(server: Server, visitor: Path) -> None:
    done = server.kubectl("get", "namespaces", kubeconfig=visitor, check=False)
    assert done.returncode != 0
    assert "Forbidden" in done.stderr


def test_unknown_paths_are_a_status_and_no_page(server: Server) -> None:
    for url in ("/clusters/root/no/such/path", "/no-such-path", "/clusters/root/apis/no.such.group/v1"):
        answer = API(server).request("GET", url)
        assert answer.status == 404, url
        assert answer.json["kind"] == "Status", url


def test_token_is_hashed_at_rest(server: Server) -> None:
    token = API(server).token.encode()
    keepers = [
        file.name
        for file in server.data_dir.rglob("*")
        if file.is_file() and not file.name.endswith(".kubeconfig") and token in file.read_bytes()
    ]
    assert keepers == []


def test_secrets_of_the_data_directory_are_private(server: Server) -> None:
    for file in server.data_dir.rglob("*"):
        if file.is_file() and file.suffix in (".key", ".keys", ".kubeconfig"):
            assert file.stat().st_mode & 0o077 == 0, file


def test_certificate_is_checked_by_stock_clients(server: Server) -> None:
    done = subprocess.run(
        ["curl", "--silent", "--show-error", "--cacert", str(server.authority), f"{server.url}/readyz"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("context", ["base", "root", "shard-base"])
def test_admin_kubeconfig_has_the_contexts_of_kcp(server: Server, context: str) -> None:
    config = server.kubectl("config", "view", "--context", context, "--minify").stdout
    assert ("/clusters/root" in config) is (context == "root")
    assert server.kubectl("config", "current-context").stdout.strip() == "root"
