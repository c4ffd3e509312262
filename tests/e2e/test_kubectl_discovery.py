"""How kubectl finds out what a workspace serves."""

from __future__ import annotations

import json

import pytest

from tests.e2e import catalogue
from tests.e2e.catalogue import Workspace
from tests.servers import Server
from tests.tools import kubectl

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def cloud(server: Server) -> Workspace:
    """A workspace with the CRDs of the catalogue."""
    return catalogue.with_flavours(server, "discovery", count=1)


def test_api_resources_lists_built_in_and_custom_kinds(cloud: Workspace) -> None:
    output = cloud.kubectl("api-resources", "-o", "wide")
    rows = {line.split()[0]: line for line in output.splitlines()[1:]}
    assert "get,list,patch,update,watch" in rows["cpuflavors"].replace("create,delete,deletecollection,", "")
    assert "cpuf" in rows["cpuflavors"].split()
    for built_in in ("configmaps", "secrets", "namespaces", "workspaces", "cachedresources", "apibindings"):
        assert built_in in rows


def test_api_resources_by_group(cloud: Workspace) -> None:
    names = cloud.kubectl("api-resources", "--api-group=cloud.example.com", "-o", "name").split()
    assert names == ["cpuflavors.cloud.example.com", "memflavors.cloud.example.com"]


def test_api_versions(cloud: Workspace) -> None:
    versions = cloud.kubectl("api-versions").split()
    for version in ("v1", "apis.kcp.io/v1alpha2", "cache.kcp.io/v1alpha1", "cloud.example.com/v1"):
        assert version in versions


@pytest.mark.parametrize("version", kubectl.VERSIONS)
def test_version_names_client_and_server(cloud: Workspace, version: str) -> None:
    both = json.loads(cloud.server.kubectl("version", "-o", "json", version=version).stdout)
    assert both["clientVersion"]["gitVersion"].startswith(f"v{version}.")
    assert both["serverVersion"]["major"] == "1"
    assert both["serverVersion"]["gitVersion"].startswith("v1.")


@pytest.mark.parametrize("version", kubectl.VERSIONS)
def test_explain_reads_the_schema(cloud: Workspace, version: str) -> None:
    output = cloud.kubectl("explain", "cpuflavors.spec.cores", version=version)
    assert "FIELD: cores <integer>" in output
    assert "Physical cores." in output


def test_explain_recursive_shows_every_field(cloud: Workspace) -> None:
    output = cloud.kubectl("explain", "cpuflavors", "--recursive")
    for field in ("apiVersion", "metadata", "managedFields", "baseFrequency", "architecture"):
        assert field in output


@pytest.mark.parametrize(
    "resource", ["cachedresources.spec.labelSelector", "apiexports.spec.resources.storage"]
)
def test_explain_of_built_in_kinds(cloud: Workspace, resource: str) -> None:
    assert "FIELDS:" in cloud.kubectl("explain", resource)


def test_discovery_of_one_workspace_knows_nothing_of_another(cloud: Workspace, server: Server) -> None:
    other = catalogue.workspace(server, "empty")
    assert "cpuflavors" not in other.kubectl("api-resources", "-o", "name")
    assert "doesn't have a resource type" in other.kubectl("get", "cpuflavors", check=False)


def test_removed_crd_is_not_served_any_more(server: Server) -> None:
    made = catalogue.with_flavours(server, "removed", count=2)
    made.kubectl("delete", "crd", "cpuflavors.cloud.example.com", "--timeout=30s")
    assert "cpuflavors" not in made.kubectl("api-resources", "-o", "name")
    assert "memflavors" in made.kubectl("api-resources", "-o", "name")
