from __future__ import annotations

import gzip
from typing import Any

import pytest
import yaml

from kcpcache.apiserver import read
from tests.unit.apiserver import client
from tests.unit.apiserver.backends import Backend
from tests.unit.apiserver.conftest import Caller

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
URL = client.MEMORY_FLAVORS


@pytest.fixture
def flavors(backend: Backend) -> Backend:
    for name, size in (("a", "1"), ("b", "2"), ("c", "1")):
        backend.put_memory_flavor(name, size=size, labels={"size": size})
    return backend


def _names(answer: client.Answer) -> list[str]:
    return [item["metadata"]["name"] for item in answer.json()["items"]]


def test_get_answers_with_the_stored_bytes(call: Caller, flavors: Backend) -> None:
    record = flavors.put_memory_flavor("x", size="9")
    answer = call("GET", f"{URL}/x")
    assert answer.body == record.body + b"\n"
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-cache, private"
    assert answer.headers["content-length"] == str(len(answer.body))
    assert answer.headers["audit-id"] == answer.headers["x-request-id"]


def test_get_of_a_missing_object_is_404(call: Caller) -> None:
    status = call("GET", f"{URL}/x").json()
    assert status["message"] == 'memflavors.cloud.example.com "x" not found'
    assert (status["code"], status["reason"], status["kind"]) == (404, "NotFound", "Status")


@pytest.mark.parametrize(
    "path",
    [
        "/apis/cloud.example.com/v1/others", "/apis/cloud.example.com/v2/memflavors", "/api/v1/memflavors",
        "/apis/cloud.example.com/v1/namespaces/x/memflavors", "/api/v1/configmaps/x", "/apis/none.io",
        "/apis/cloud.example.com/v1/memflavors/a/status", "/apis/cloud.example.com/v1/cpuflavors/a/log", "/nowhere",
    ],
)  # fmt: skip
def test_what_is_not_served_is_404(call: Caller, flavors: Backend, path: str) -> None:
    answer = call("GET", client.BASE + path)
    assert answer.status == 404
    assert answer.json()["message"] == "the server could not find the requested resource"


def test_unknown_workspace_is_404(call: Caller) -> None:
    assert call("GET", "/clusters/root:other/api").status == 404


def test_list_is_whole_and_says_its_revision(call: Caller, flavors: Backend) -> None:
    answer = call("GET", URL)
    document = answer.json()
    assert _names(answer) == ["a", "b", "c"]
    assert (document["kind"], document["apiVersion"]) == ("MemFlavorList", "cloud.example.com/v1")
    assert document["metadata"] == {"resourceVersion": str(flavors.store.revision)}


def test_empty_list_has_no_items(call: Caller) -> None:
    assert call("GET", URL).json()["items"] == []
    assert call("GET", client.FLAVORS).json()["items"] == []


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("labelSelector=size%3D1", ["a", "c"]), ("labelSelector=size+notin+(1)", ["b"]),
        ("fieldSelector=metadata.name%3Db", ["b"]), ("fieldSelector=spec.size!%3D1", ["b"]),
        ("labelSelector=size%3D1&fieldSelector=metadata.name!%3Da", ["c"]), ("resourceVersion=0", ["a", "b", "c"]),
    ],
)  # fmt: skip
def test_selectors_keep_what_they_select(
    call: Caller, flavors: Backend, query: str, names: list[str]
) -> None:
    assert _names(call("GET", f"{URL}?{query}")) == names


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("labelSelector=a%20b%20c", 400), ("fieldSelector=spec.other%3D1", 400), ("resourceVersion=abc", 400),
        ("resourceVersion=-1", 400), ("limit=x", 400), ("limit=-1", 400), ("continue=nonsense", 400),
        ("timeoutSeconds=soon", 400), ("resourceVersionMatch=Exact", 422),
        ("resourceVersionMatch=Other&resourceVersion=1", 422), ("resourceVersionMatch=Exact&resourceVersion=0", 422),
        ("sendInitialEvents=true", 422), ("includeObject=All", 422),
        ("watch=1&resourceVersionMatch=NotOlderThan", 422), ("watch=1&sendInitialEvents=true", 422),
        ("watch=1&sendInitialEvents=true&resourceVersionMatch=Exact", 422), ("watch=1&resourceVersion=x", 400),
    ],
)  # fmt: skip
def test_wrong_parameters_are_refused(call: Caller, flavors: Backend, query: str, status: int) -> None:
    for url in (URL, client.FLAVORS):
        answer = call("GET", f"{url}?{query}", accept=TABLE)
        assert (answer.status, answer.json()["kind"]) == (status, "Status")


def test_list_options_are_refused_in_kubes_words(call: Caller) -> None:
    answer = call("GET", f"{URL}?resourceVersionMatch=Exact").json()
    assert answer["message"] == (
        'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: '
        "resourceVersionMatch is forbidden unless resourceVersion is provided"
    )


def test_pages_are_consistent_while_objects_change(call: Caller, flavors: Backend) -> None:
    first = call("GET", f"{URL}?limit=2").json()
    assert first["metadata"]["remainingItemCount"] == 1
    flavors.put_memory_flavor("d")
    flavors.delete_memory_flavor("c")
    token = first["metadata"]["continue"]
    second = call("GET", f"{URL}?limit=2&continue={token}")
    assert _names(second) == ["c"]
    assert second.json()["metadata"] == {"resourceVersion": first["metadata"]["resourceVersion"]}


def test_expired_continue_token_comes_with_one_that_restarts(call: Caller, flavors: Backend) -> None:
    token = call("GET", f"{URL}?limit=1").json()["metadata"]["continue"]
    flavors.put_memory_flavor("b2")
    flavors.store.compact(flavors.store.revision)
    expired = call("GET", f"{URL}?limit=1&continue={token}")
    assert (expired.status, expired.json()["reason"]) == (410, "Expired")
    answer = call("GET", f"{URL}?continue={expired.json()['metadata']['continue']}")
    assert _names(answer) == ["b", "b2", "c"]


def test_continue_token_of_another_list_is_refused(call: Caller, flavors: Backend) -> None:
    token = call("GET", f"{URL}?limit=1").json()["metadata"]["continue"]
    assert call("GET", f"{client.FLAVORS}?limit=1&continue={token}").status == 400
    assert call("GET", f"{URL}?limit=1&labelSelector=size&continue={token}").status == 400
    assert call("GET", f"{URL}?limit=1&resourceVersion=3&continue={token}").status == 400


def test_list_at_an_exact_revision_is_that_state(call: Caller, flavors: Backend) -> None:
    revision = flavors.store.revision
    flavors.delete_memory_flavor("a")
    query = f"resourceVersion={revision}&resourceVersionMatch=Exact"
    assert _names(call("GET", f"{URL}?{query}")) == ["a", "b", "c"]
    flavors.store.compact(flavors.store.revision)
    assert call("GET", f"{URL}?{query}").status == 410


@pytest.mark.parametrize("url", [URL, f"{URL}/a", client.FLAVORS])
def test_revision_of_the_future_is_waited_for_then_504(call: Caller, flavors: Backend, url: str) -> None:
    answer = call("GET", f"{url}?resourceVersion=999999")
    assert answer.status == 504
    assert answer.json()["details"]["causes"][0]["reason"] == "ResourceVersionTooLarge"
    assert answer.headers["retry-after"] == "1"


def test_table_has_columns_rows_and_metadata(call: Caller, flavors: Backend) -> None:
    table = call("GET", f"{URL}?labelSelector=size%3D2", accept=TABLE).json()
    assert (table["kind"], table["apiVersion"]) == ("Table", "meta.k8s.io/v1")
    assert [column["name"] for column in table["columnDefinitions"]] == ["Name", "Size"]
    (row,) = table["rows"]
    assert row["cells"] == ["b", "2"]
    assert (row["object"]["kind"], row["object"]["metadata"]["name"]) == ("PartialObjectMetadata", "b")
    assert "spec" not in row["object"]
    assert table["metadata"]["resourceVersion"] == str(flavors.store.revision)


@pytest.mark.parametrize(
    ("policy", "shown"), [("None", None), ("Object", "MemFlavor"), ("Metadata", "PartialObjectMetadata")]
)
def test_table_rows_hold_what_is_asked_for(
    call: Caller, flavors: Backend, policy: str, shown: str | None
) -> None:
    for url in (URL, f"{URL}/a"):
        row = call("GET", f"{url}?includeObject={policy}", accept=TABLE).json()["rows"][0]
        assert (row["object"] or {}).get("kind") == shown


def test_metadata_only_lists_and_objects(call: Caller, flavors: Backend) -> None:
    form = "application/json;as=PartialObjectMetadata{};v=v1;g=meta.k8s.io,application/json"
    many = call("GET", URL, accept=form.format("List")).json()
    assert (many["kind"], many["apiVersion"]) == ("PartialObjectMetadataList", "meta.k8s.io/v1")
    assert [sorted(item) for item in many["items"]] == [["apiVersion", "kind", "metadata"]] * 3
    one = call("GET", f"{URL}/a", accept=form.format("")).json()
    assert (one["kind"], one["metadata"]["name"], "spec" in one) == ("PartialObjectMetadata", "a", False)


def test_yaml_and_pretty_say_the_same_as_json(call: Caller, flavors: Backend) -> None:
    plain = call("GET", f"{URL}/a").json()
    as_yaml = call("GET", f"{URL}/a", accept="application/yaml")
    assert as_yaml.headers["content-type"] == "application/yaml"
    assert yaml.safe_load(as_yaml.body)["spec"] == plain["spec"]
    pretty = call("GET", f"{URL}?pretty=true")
    assert pretty.body.startswith(b'{\n  "kind": "MemFlavorList"')
    assert pretty.json() == call("GET", URL).json()


def test_unchanged_list_is_304_by_etag(call: Caller, flavors: Backend) -> None:
    etag = call("GET", URL).headers["etag"]
    answer = call("GET", URL, if_none_match=etag)
    assert (answer.status, answer.body, answer.headers["etag"]) == (304, b"", etag)
    flavors.put_memory_flavor("d")
    assert call("GET", URL, if_none_match=etag).status == 200


def test_large_lists_are_compressed_for_those_who_ask(call: Caller, backend: Backend) -> None:
    for number in range(30):
        backend.put_memory_flavor(f"f{number:03}", text="x" * 5000)
    plain = call("GET", URL)
    assert "content-encoding" not in plain.headers
    for url in (URL, f"{URL}?labelSelector=!none"):
        small = call("GET", url, accept_encoding="gzip")
        assert small.headers["content-encoding"] == "gzip"
        assert gzip.decompress(small.body) == plain.body
    assert "content-encoding" not in call("GET", f"{URL}/f001", accept_encoding="gzip").headers


def test_large_list_is_made_while_it_is_sent(
    call: Caller, flavors: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = call("GET", URL)
    monkeypatch.setattr(read, "WHOLE_BYTES", 1)
    large = call("GET", URL)
    assert large.body == whole.body
    assert "content-length" not in large.headers
    assert large.headers["etag"] == whole.headers["etag"]
    assert call("HEAD", URL).body == b""
    assert call("GET", URL, if_none_match=whole.headers["etag"]).status == 304
    packed = call("GET", URL, accept_encoding="gzip")
    assert gzip.decompress(packed.body) == whole.body
    assert packed.headers["content-length"] == str(len(packed.body))


def test_head_is_get_without_the_body(call: Caller, flavors: Backend) -> None:
    for url in (URL, f"{URL}/a", client.FLAVORS, "/version"):
        head, get = call("HEAD", url), call("GET", url)
        assert (head.status, head.body) == (200, b"")
        assert head.headers["content-length"] == get.headers["content-length"]


@pytest.mark.parametrize(
    ("query", "accept"),
    [
        ("limit=500&fieldSelector=spec.size%3D2", "application/json"), ("fieldSelector=spec.size%3D2", "*/*"),
        ("limit=500", "application/yaml"), ("", "application/yaml"),
    ],
)  # fmt: skip
def test_lists_that_parse_or_write_much_are_left_to_a_thread(
    call: Caller, flavors: Backend, query: str, accept: str
) -> None:
    assert call("GET", f"{URL}?{query}", accept=accept).status == 200
    assert call("GET", f"{URL}/a", accept="application/yaml").status == 200
    assert flavors.checks_run == 0  # the loop looks whether memory is fresh, a thread reads what is


def test_cached_reads_pass_the_barrier_and_no_thread(call: Caller, flavors: Backend, front: Any) -> None:
    call("GET", URL)  # the backend is asked about the token once
    front.close()  # whatever needs a thread fails from now on
    for url in (URL, f"{URL}/a", f"{URL}?limit=2", f"{URL}?labelSelector=size"):
        before = flavors.checks_run
        assert call("GET", url).status == 200
        assert flavors.checks_run == before + 1
