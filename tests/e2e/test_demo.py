"""The whole story, told by the command that users run."""

from __future__ import annotations

import pytest

from tests.servers import Server
from tests.tools import kubectl

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("version", kubectl.VERSIONS)
def test_story_goes_as_it_should(server: Server, version: str) -> None:
    output = server.manage("demo", "--clean", "--kubectl", str(kubectl.kubectl(version))).stdout
    assert "The story went as it should." in output
    assert "alice sees: DELETED" in output
    assert "demo-" not in server.kubectl("get", "workspaces").stdout


def test_missing_kubectl_is_one_sentence(server: Server) -> None:
    done = server.manage("demo", "--kubectl", "no-such-kubectl", check=False)
    assert done.returncode == 1
    assert "no-such-kubectl cannot be run" in done.stderr
    assert "Traceback" not in done.stderr


def test_missing_kubeconfig_is_one_sentence(server: Server) -> None:
    done = server.manage("demo", "--kubeconfig", "no-such-file", check=False)
    assert done.returncode == 1
    assert "no-such-file cannot be read" in done.stderr
