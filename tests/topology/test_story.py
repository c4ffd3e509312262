"""The whole story, each of its requests to another web process than the one before."""

from __future__ import annotations

import pytest

from tests.tools import kubectl
from tests.topology.deployment import Deployment

pytestmark = pytest.mark.e2e


def test_story_goes_as_it_should_behind_a_load_balancer(deployment: Deployment) -> None:
    before = dict(deployment.balancer.taken)
    told = deployment.a.manage("demo", "--kubectl", str(kubectl.kubectl(kubectl.VERSIONS[-1])))
    assert "The story went as it should." in told.stdout
    assert f":{deployment.balancer.port}/" in deployment.a.kubeconfig.read_text()
    taken = [deployment.balancer.taken[port] - before[port] for port in before]
    assert min(taken) > 10, taken
