from __future__ import annotations

from collections.abc import Callable

import pytest

from kcpcache.apimachinery import errors
from tests.unit.controllers.conftest import crd, on_database, settle
from workspaces import bootstrap
from workspaces.registry import addresses, client
from workspaces.store import content, tenants

pytestmark = on_database
GROUP, PLURAL = "tenancy.kcp.io", "workspaces"


def test_bootstrap_twice_makes_one_root(root: str) -> None:
    again = bootstrap.ensure()
    assert again == bootstrap.Bootstrap("kcp-admin", needs_token=True)
    assert tenants.path_of("root") == "root"
    types = client.list(root, GROUP, "workspacetypes")
    assert [found["metadata"]["name"] for found in types] == ["organization", "root", "team", "universal"]
    assert client.get(root, "core.kcp.io", "shards", "root") is not None


def test_workspace_is_addressed_at_once_and_ready_soon(root: str) -> None:
    made = client.create(root, GROUP, PLURAL, {"metadata": {"name": "cloud"}})
    assert addresses.find("root:cloud") == addresses.WorkspaceAddress(made["spec"]["cluster"], "root:cloud")
    assert made["spec"]["URL"].endswith("/clusters/root:cloud")
    assert made["spec"]["type"] == {"name": "universal", "path": "root"}
    settle()
    found = client.get(root, GROUP, PLURAL, "cloud")
    assert found is not None
    assert found["status"]["phase"] == "Ready"
    assert found["metadata"]["labels"]["tenancy.kcp.io/phase"] == "Ready"
    cluster = found["spec"]["cluster"]
    names = [namespace["metadata"]["name"] for namespace in client.list(cluster, "", "namespaces")]
    assert names == ["default", "kcp-system"]
    inside = client.get(cluster, "core.kcp.io", "logicalclusters", "cluster")
    assert inside is not None
    assert inside["status"]["phase"] == "Ready"
    assert inside["metadata"]["annotations"]["kcp.io/path"] == "root:cloud"
    assert inside["spec"]["owner"]["uid"] == found["metadata"]["uid"]


def test_deleted_workspace_takes_children_and_content_with_it(
    root: str, workspace: Callable[..., str]
) -> None:
    outer = workspace("outer")
    inner = workspace("inner", outer)
    client.create(inner, "apiextensions.k8s.io", "customresourcedefinitions", crd("flavors", "Flavor"))
    client.create(inner, "cloud.example.com", "flavors", {"metadata": {"name": "small"}})
    client.create(
        outer, "", "configmaps", {"metadata": {"name": "kept", "finalizers": ["a.example/b"]}}, "default"
    )
    client.delete(root, GROUP, PLURAL, "outer")
    settle(lambda: client.get(root, GROUP, PLURAL, "outer") is None)
    assert addresses.find("root:outer") is None
    assert addresses.find("root:outer:inner") is None
    assert content.collections(outer) == []
    assert content.collections(inner) == []


def test_no_child_is_made_in_a_workspace_that_is_being_deleted(
    root: str, workspace: Callable[..., str]
) -> None:
    cluster = workspace("ending")
    client.delete(cluster, "core.kcp.io", "logicalclusters", "cluster")
    with pytest.raises(errors.Forbidden, match="being deleted"):
        client.create(cluster, GROUP, PLURAL, {"metadata": {"name": "late"}})


def test_type_that_does_not_allow_the_parent_is_refused(root: str, workspace: Callable[..., str]) -> None:
    cluster = workspace("plain")
    with pytest.raises(errors.Forbidden, match="does not allow type root:universal"):
        client.create(
            cluster, GROUP, PLURAL, {"metadata": {"name": "org"}, "spec": {"type": {"name": "organization"}}}
        )
    with pytest.raises(errors.Forbidden, match="not known"):
        client.create(root, GROUP, PLURAL, {"metadata": {"name": "x"}, "spec": {"type": {"name": "nothing"}}})


def test_cluster_of_somebody_else_is_refused(root: str) -> None:
    with pytest.raises(errors.Invalid, match=r"spec\.cluster"):
        client.create(root, GROUP, PLURAL, {"metadata": {"name": "thief"}, "spec": {"cluster": "root"}})
