from __future__ import annotations

from typing import Any

import pytest

from kcpcache.apimachinery import errors
from kcpcache.apimachinery.objects import JSONObject
from tests.unit.controllers.conftest import crd, on_database
from workspaces.registry import client

pytestmark = on_database
RESOURCE = ("cache.kcp.io", "cachedresources")
CRDS = ("apiextensions.k8s.io", "customresourcedefinitions")


def made(name: str, **spec: Any) -> JSONObject:
    base = {"group": "cloud.example.com", "version": "v1", "resource": "flavors"}
    return {"metadata": {"name": name}, "spec": {**base, **spec}}


def test_begins_initializing(cluster: str) -> None:
    assert client.create(cluster, *RESOURCE, made("a"))["status"] == {"phase": "Initializing"}


def test_second_of_one_resource_is_refused_and_names_the_first(cluster: str) -> None:
    client.create(cluster, *RESOURCE, made("first"))
    with pytest.raises(errors.Invalid, match="first"):
        client.create(cluster, *RESOURCE, made("second"))
    client.delete(cluster, *RESOURCE, "first")
    client.create(cluster, *RESOURCE, made("second"))


def test_another_version_of_the_resource_is_another(cluster: str) -> None:
    client.create(cluster, *RESOURCE, made("first"))
    client.create(cluster, *RESOURCE, made("second", version="v2"))


@pytest.mark.parametrize("field", ["group", "version", "resource"])
def test_what_is_replicated_is_immutable(cluster: str, field: str) -> None:
    client.create(cluster, *RESOURCE, made("a"))
    with pytest.raises(errors.Invalid, match=rf"spec\.{field}.*immutable"):
        client.update(cluster, *RESOURCE, "a", lambda obj: {**obj, "spec": {**obj["spec"], field: "v9"}})


@pytest.mark.parametrize(
    "spec",
    [
        {"group": "", "resource": "configmaps"},
        {"group": "apis.kcp.io", "resource": "apiexports"},
        {"group": "rbac.authorization.k8s.io", "resource": "clusterroles"},
    ],
)
def test_built_in_resource_is_refused(cluster: str, spec: JSONObject) -> None:
    with pytest.raises(errors.Invalid, match="built in"):
        client.create(cluster, *RESOURCE, made("a", **spec))


def test_namespaced_resource_is_refused(cluster: str) -> None:
    client.create(cluster, *CRDS, crd("flavors", "Flavor", scope="Namespaced"))
    with pytest.raises(errors.Invalid, match="cluster-scoped"):
        client.create(cluster, *RESOURCE, made("a"))


def test_missing_version_is_refused(cluster: str) -> None:
    obj = made("a")
    del obj["spec"]["version"]
    with pytest.raises(errors.Invalid, match=r"spec\.version: Required"):
        client.create(cluster, *RESOURCE, obj)


def test_labels_directly_under_the_selector_become_match_labels(cluster: str) -> None:
    key = "cloud.example.com/visibility"
    obj = client.create(cluster, *RESOURCE, made("a", labelSelector={key: "Public", "tier": "one"}))
    assert obj["spec"]["labelSelector"] == {"matchLabels": {key: "Public", "tier": "one"}}

    def reapply(labels: JSONObject) -> JSONObject | None:
        def change(present: JSONObject) -> JSONObject:
            present["spec"]["labelSelector"] |= labels
            return present

        return client.update(cluster, *RESOURCE, "a", change)

    same = reapply({key: "Public", "tier": "one"})
    assert same is not None
    assert same["metadata"]["resourceVersion"] == obj["metadata"]["resourceVersion"]
    less = reapply({key: "Public"})
    assert less is not None
    assert less["spec"]["labelSelector"] == {"matchLabels": {key: "Public"}}


@pytest.mark.parametrize(
    "selector",
    [
        {"matchLabel": {"a": "b"}},
        {"matchExpressions": [{"key": "a", "operator": "Near", "values": ["b"]}]},
        {"matchLabels": {"a": "not a value!"}},
        {"not a key!": "b"},
    ],
)
def test_wrong_selector_is_an_error_and_never_everything(cluster: str, selector: JSONObject) -> None:
    with pytest.raises(errors.Invalid, match="labelSelector"):
        client.create(cluster, *RESOURCE, made("a", labelSelector=selector))
