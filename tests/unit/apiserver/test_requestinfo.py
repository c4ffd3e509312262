from __future__ import annotations

import pytest

from kcpcache.apimachinery import errors
from kcpcache.apiserver import requestinfo

C = "/clusters/root:org"


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/api/v1/namespaces", ("list", "", "v1", "", "namespaces", "", "")),
        ("GET", "/api/v1/namespaces/x", ("get", "", "v1", "x", "namespaces", "x", "")),
        ("PUT", "/api/v1/namespaces/x/status", ("update", "", "v1", "x", "namespaces", "x", "status")),
        ("GET", "/api/v1/namespaces/x/configmaps", ("list", "", "v1", "x", "configmaps", "", "")),
        (
            "DELETE",
            "/api/v1/namespaces/x/configmaps",
            ("deletecollection", "", "v1", "x", "configmaps", "", ""),
        ),
        ("DELETE", "/api/v1/namespaces/x/configmaps/a", ("delete", "", "v1", "x", "configmaps", "a", "")),
        ("POST", "/apis/g.io/v1/things", ("create", "g.io", "v1", "", "things", "", "")),
        ("PATCH", "/apis/g.io/v1/things/a/scale", ("patch", "g.io", "v1", "", "things", "a", "scale")),
        ("GET", "/apis/g.io/v1/watch/things", ("watch", "g.io", "v1", "", "things", "", "")),
        ("GET", "/apis/g.io/v1/watch/things/a", ("watch", "g.io", "v1", "", "things", "a", "")),
        ("HEAD", "/apis/g.io/v1/things/a", ("get", "g.io", "v1", "", "things", "a", "")),
        ("OPTIONS", "/apis/g.io/v1/things/a", ("", "g.io", "v1", "", "things", "a", "")),
    ],
)
def test_resource_paths_are_read_as_kube_apiserver_reads_them(
    method: str, path: str, expected: tuple[str, ...]
) -> None:
    info = requestinfo.parse(method, C + path, {})
    found = (info.verb, info.group, info.version, info.namespace, info.resource, info.name, info.subresource)
    assert info.is_resource
    assert found == expected
    assert info.cluster == "root:org"
    assert info.prefix == "clusters"


@pytest.mark.parametrize("path", ["/api", "/apis", "/apis/g.io", "/apis/g.io/v1", "/api/v1", "/version", ""])
def test_shorter_paths_are_no_resources(path: str) -> None:
    info = requestinfo.parse("GET", C + path, {})
    assert not info.is_resource
    assert info.verb == "get"
    assert info.rest == (path or "/")


def test_virtual_workspaces_have_their_arguments() -> None:
    info = requestinfo.parse("GET", "/services/replication/1abc/flavors/clusters/*/apis/g.io/v1/things", {})
    assert (info.prefix, info.prefix_args, info.cluster) == ("replication", ("1abc", "flavors"), "*")
    assert (info.base, info.resource) == ("/services/replication/1abc/flavors/clusters/*", "things")
    info = requestinfo.parse("GET", "/services/apiexport/root:cloud/compute/clusters/x/api", {})
    assert (info.prefix, info.prefix_args, info.rest) == ("apiexport", ("root:cloud", "compute"), "/api")
    info = requestinfo.parse("GET", "/services/cache/shards/root/clusters/*/apis/g.io/v1/things", {})
    assert (info.prefix, info.prefix_args, info.is_resource) == ("cache", ("root",), True)


@pytest.mark.parametrize(
    "watch", [{"watch": ["true"]}, {"watch": ["1"]}, {"watch": [""]}, {"watch": ["yes"]}]
)
def test_watch_parameter_makes_a_list_a_watch(watch: dict[str, list[str]]) -> None:
    assert requestinfo.parse("GET", f"{C}/api/v1/namespaces", watch).verb == "watch"
    assert requestinfo.parse("GET", f"{C}/api/v1/namespaces/x", watch).verb == "get"


@pytest.mark.parametrize("watch", ["0", "false", "False"])
def test_watch_parameter_that_is_false_is_a_list(watch: str) -> None:
    assert requestinfo.parse("GET", f"{C}/api/v1/namespaces", {"watch": [watch]}).verb == "list"


def test_field_selector_of_a_name_sets_the_name() -> None:
    query = {"fieldSelector": ["metadata.namespace=x,metadata.name=a"]}
    info = requestinfo.parse("GET", f"{C}/api/v1/configmaps", query)
    assert (info.verb, info.name) == ("list", "a")
    info = requestinfo.parse("GET", f"{C}/api/v1/configmaps", {"fieldSelector": ["metadata.name!=a"]})
    assert info.name == ""


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/namespaces/a%2fb", "/api/v1/namespaces/a%00", "/api/v1/namespaces/..", "/api/v1/namespaces/%2e%2e",
        "/api/v1/./namespaces", "/api/v1/namespaces/%ff",
    ],
)  # fmt: skip
def test_paths_that_nobody_means_are_bad_requests(path: str) -> None:
    with pytest.raises(errors.BadRequest):
        requestinfo.parse("GET", C + path, {})


@pytest.mark.parametrize(
    "cluster", ["Root", "root:", ":root", "root::x", "root.x", "-a", "ROOT:*", "a b", "r%C3%B6ot"]
)
def test_names_that_are_no_cluster_are_bad_requests(cluster: str) -> None:
    with pytest.raises(errors.BadRequest):
        requestinfo.parse("GET", f"/clusters/{cluster}/api", {})


@pytest.mark.parametrize(
    "path",
    [
        "/clusters", "/services/other/x/clusters/y/api", "/services/replication/a/b", "/services/cache/x/y/clusters/z",
        f"{C}/api/v1/namespaces/{'a' * 254}", f"{C}/api//v1/namespaces", f"{C}/api/v1/a/b/c/d", f"/{'a/' * 5000}",
    ],
)  # fmt: skip
def test_paths_that_address_nothing_are_not_found(path: str) -> None:
    with pytest.raises(errors.NotFound):
        requestinfo.parse("GET", path, {})


def test_trailing_slash_is_ignored() -> None:
    assert requestinfo.parse("GET", f"{C}/apis/", {}).rest == "/apis"


def test_encoded_colon_is_a_colon() -> None:
    assert requestinfo.parse("GET", "/clusters/root%3Aorg/api", {}).cluster == "root:org"
