"""A web process on a machine of its own: it needs the environment, and a certificate that clients trust."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tests.e2e import catalogue
from tests.servers import free_port
from tests.topology.deployment import Deployment, Web
from tests.topology.watching import at

pytestmark = pytest.mark.e2e

MAPS = "/api/v1/namespaces/default/configmaps"


def tls(directory: Path) -> dict[str, str]:
    """The variables that name a certificate, its key and its authority."""
    names = {"CERT": "server.crt", "KEY": "server.key", "CA": "ca.crt"}
    return {f"KCPCACHE_TLS_{part}_FILE": str(directory / name) for part, name in names.items()}


def test_web_process_with_a_given_certificate_needs_no_shared_directory(
    deployment: Deployment, tmp_path: Path
) -> None:
    given = tmp_path / "given"
    given.mkdir()
    for name in ("server.crt", "server.key", "ca.crt"):
        (given / name).write_bytes((deployment.a.data_dir / "pki" / name).read_bytes())
    own_directory = tmp_path / "data"
    web = deployment.web("web-elsewhere", free_port(), KCPCACHE_DATA_DIR=str(own_directory), **tls(given))
    try:
        web.container.start().until_healthy()
        place = catalogue.workspace(deployment.a, "machines")
        created = at(place, web).create(MAPS, {"metadata": {"name": "elsewhere"}})
        assert at(place, deployment.b).get(f"{MAPS}/elsewhere") == created
        assert not (own_directory / "pki").exists()
        _check_secrets(deployment, web)
    finally:
        assert web.container.stop() == 0, web.container.output()


def _check_secrets(deployment: Deployment, web: Web) -> None:
    """What one machine encrypts the other decrypts."""
    place = catalogue.workspace(deployment.a, "secrets")
    secrets = "/api/v1/namespaces/default/secrets"
    at(place, web).create(secrets, {"metadata": {"name": "shared"}, "stringData": {"key": "value"}})
    assert at(place, deployment.b).get(f"{secrets}/shared")["data"] == {"key": "dmFsdWU="}


def test_web_processes_of_several_hosts_may_share_one_directory(deployment: Deployment) -> None:
    key = deployment.a.data_dir / "pki" / "server.key"
    assert deployment.a.data_dir == deployment.b.data_dir
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    further = deployment.web("web-of-another-host", free_port(), KCPCACHE_HOST="localhost")
    try:
        further.container.start().until_healthy()
        place = catalogue.workspace(deployment.a, "shared")
        created = at(place, further).create(MAPS, {"metadata": {"name": "shared"}})
        assert at(place, deployment.b).get(f"{MAPS}/shared") == created
    finally:
        assert further.container.stop() == 0, further.container.output()
