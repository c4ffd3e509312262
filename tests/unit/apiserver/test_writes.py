from __future__ import annotations

from typing import Any

import pytest

from tests.unit.apiserver import client
from tests.unit.apiserver.backends import Backend
from tests.unit.apiserver.conftest import Caller

F, C = client.FLAVORS, client.CONFIG_MAPS
MERGE, JSON_PATCH = "application/merge-patch+json", "application/json-patch+json"
STRATEGIC, APPLY = "application/strategic-merge-patch+json", "application/apply-patch+yaml"


def flavor(name: str = "x", **spec: Any) -> dict[str, Any]:
    metadata = {"name": name}
    return {"apiVersion": "cloud.example.com/v1", "kind": "CPUFlavor", "metadata": metadata, "spec": spec}


def test_create_answers_201_with_the_stored_object(call: Caller) -> None:
    answer = call("POST", F, flavor(cores=2), user_agent="mytool/1.0 (linux)")
    obj = answer.json()
    assert answer.status == 201
    assert obj["metadata"]["uid"]
    assert obj["metadata"]["managedFields"][0]["manager"] == "mytool"
    assert call("GET", f"{F}/x").json() == obj
    again = call("POST", F, flavor())
    assert (again.status, again.json()["reason"]) == (409, "AlreadyExists")


def test_create_reads_yaml(call: Caller) -> None:
    body = b"apiVersion: cloud.example.com/v1\nkind: CPUFlavor\nmetadata: {name: x}\nspec: {cores: 3}\n"
    assert call("POST", F, body, content_type="application/yaml").json()["spec"] == {"cores": 3}


def test_builtin_kinds_may_leave_out_their_type(call: Caller) -> None:
    answer = call("POST", C, {"metadata": {"name": "x"}, "data": {"a": "b"}})
    assert (answer.status, answer.json()["kind"], answer.json()["apiVersion"]) == (201, "ConfigMap", "v1")
    assert answer.json()["metadata"]["namespace"] == "default"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"apiVersion": "cloud.example.com/v2"}, "the API version in the data (cloud.example.com/v2) does not match"),
        ({"kind": "Other"}, "the kind in the data (Other) does not match the expected kind (CPUFlavor)"),
        ({"kind": ""}, "Object 'Kind' is missing in"), ({"apiVersion": 1}, "Object 'apiVersion' is missing in"),
        ({"metadata": []}, "metadata must be an object"),
        ({"metadata": {"name": "x", "namespace": 1}}, "must be a string"),
    ],
)  # fmt: skip
def test_body_that_is_not_the_urls_kind_is_refused(call: Caller, change: Any, message: str) -> None:
    answer = call("POST", F, {**flavor(), **change})
    assert answer.status == 400
    assert message in answer.json()["message"]


def test_namespace_must_be_the_urls(call: Caller) -> None:
    answer = call("POST", C, {"metadata": {"name": "x", "namespace": "other"}})
    assert answer.json()["message"] == (
        "the namespace of the provided object does not match the namespace sent on the request"
    )


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b'{"a":NaN}', b"\xff\xfe", b'{"a":' * 5000 + b"1" + b"}" * 5000, b"k8s"],
)
def test_bodies_that_are_no_object_are_refused(call: Caller, body: bytes) -> None:
    for url, method in ((F, "POST"), (f"{F}/x", "PUT")):
        answer = call(method, url, body)
        assert (answer.status, answer.json()["kind"]) == (400, "Status")


def test_duplicate_fields_are_refused_or_warned_of(call: Caller) -> None:
    head = b'{"apiVersion":"cloud.example.com/v1","kind":"CPUFlavor","metadata":{"name":"x"},'
    body = head + b'"spec":{"cores":1,"cores":2}}'
    answer = call("POST", f"{F}?fieldValidation=Strict", body)
    assert answer.status == 400
    assert answer.json()["message"].endswith('strict decoding error: duplicate field "spec.cores"')
    answer = call("POST", F, body)
    assert (answer.status, answer.headers["warning"]) == (201, '299 - "duplicate field \\"spec.cores\\""')
    assert (
        "warning"
        not in call("POST", f"{F}?fieldValidation=Ignore&dryRun=All", body.replace(b'"x"', b'"y"')).headers
    )
    assert call("POST", f"{F}?fieldValidation=Maybe", body).status == 422


def test_warnings_of_the_storage_become_headers(call: Caller) -> None:
    answer = call("POST", F, flavor(unknown=1))
    assert answer.headers["warning"] == '299 - "unknown field \\"spec.unknown\\""'


def test_dry_run_stores_nothing(call: Caller) -> None:
    assert call("POST", f"{F}?dryRun=All", flavor()).status == 201
    assert call("GET", f"{F}/x").status == 404
    answer = call("POST", f"{F}?dryRun=Some", flavor())
    assert answer.status == 422
    assert 'dryRun: Unsupported value: "Some": supported values: "All"' in answer.json()["message"]


@pytest.mark.parametrize("query", ["dryRun=", "dryRun=All&dryRun="])
def test_empty_dry_run_is_refused_and_never_a_real_write(call: Caller, query: str) -> None:
    call("POST", F, flavor())
    for method, url, body in (
        ("POST", F, flavor("y")), ("PUT", f"{F}/x", flavor(cores=1)), ("PATCH", f"{F}/x", {"spec": {"cores": 1}}),
        ("DELETE", f"{F}/x", None), ("DELETE", F, None),
    ):  # fmt: skip
        answer = call(
            method, f"{url}?{query}", body, content_type=MERGE if method == "PATCH" else "application/json"
        )
        assert answer.status == 422
        assert 'dryRun: Unsupported value: "": supported values: "All"' in answer.json()["message"]
    assert [item["spec"] for item in call("GET", F).json()["items"]] == [{}]


def test_not_acceptable_write_changes_nothing(call: Caller) -> None:
    assert call("POST", F, flavor(), accept="text/html").status == 406
    assert call("GET", f"{F}/x").status == 404


@pytest.mark.parametrize("query", ["fieldManager=" + "x" * 129, "fieldManager=a%00b"])
def test_bad_field_managers_are_refused(call: Caller, query: str) -> None:
    assert call("POST", f"{F}?{query}", flavor()).status == 422


def test_update_replaces_and_checks_the_resource_version(call: Caller) -> None:
    stored = call("POST", F, flavor(cores=1)).json()
    changed = call("PUT", f"{F}/x", {**stored, "spec": {"cores": 2}})
    assert (changed.status, changed.json()["spec"]) == (200, {"cores": 2})
    stale = call("PUT", f"{F}/x", {**stored, "spec": {"cores": 3}})
    assert (stale.status, stale.json()["reason"]) == (409, "Conflict")


def test_update_must_name_the_urls_object(call: Caller) -> None:
    call("POST", F, flavor())
    answer = call("PUT", f"{F}/x", flavor("y"))
    assert answer.json()["message"] == "the name of the object (y) does not match the name on the URL (x)"
    answer = call("PUT", f"{F}/x", {**flavor(), "metadata": {}})
    assert "was undeterminable: name must be provided" in answer.json()["message"]
    assert call("PUT", f"{F}/none", flavor("none")).status == 404


def test_patches_of_each_kind(call: Caller) -> None:
    call("POST", F, flavor(cores=1, replicas=1))
    answer = call("PATCH", f"{F}/x", {"spec": {"cores": 2, "replicas": None}}, content_type=MERGE)
    assert (answer.status, answer.json()["spec"]) == (200, {"cores": 2})
    operations = [
        {"op": "test", "path": "/spec/cores", "value": 2},
        {"op": "replace", "path": "/spec/cores", "value": 3},
    ]
    answer = call("PATCH", f"{F}/x", operations, content_type=JSON_PATCH)
    assert (answer.status, answer.json()["spec"]) == (200, {"cores": 3})
    assert call("PATCH", f"{F}/x", operations, content_type=JSON_PATCH).status == 422
    call("POST", C, {"metadata": {"name": "c", "finalizers": ["a.io/x"]}})
    answer = call("PATCH", f"{C}/c", {"metadata": {"finalizers": ["b.io/x"]}}, content_type=STRATEGIC)
    assert sorted(answer.json()["metadata"]["finalizers"]) == ["a.io/x", "b.io/x"]


@pytest.mark.parametrize("media", ["", "application/json", "text/plain", STRATEGIC])
def test_patch_of_an_unknown_type_is_415(call: Caller, media: str) -> None:
    call("POST", F, flavor())
    answer = call("PATCH", f"{F}/x", {}, content_type=media)
    assert answer.status == 415
    assert "application/json-patch+json, application/merge-patch+json" in answer.json()["message"]


@pytest.mark.parametrize(
    ("media", "body"),
    [
        (JSON_PATCH, b"{}"), (JSON_PATCH, b'[],"":[]'), (JSON_PATCH, b"[1]"), (MERGE, b"[]"), (MERGE, b"{"),
        (MERGE, b'{"metadata":{"name":"y"}}'), (MERGE, b'{"kind":"Other"}'), (MERGE, b'{"metadata":[]}'),
        (JSON_PATCH, b"[" * 2000 + b"]" * 2000),
    ],
)  # fmt: skip
def test_patches_that_make_no_sense_are_refused(call: Caller, media: str, body: bytes) -> None:
    call("POST", F, flavor())
    assert call("PATCH", f"{F}/x", body, content_type=media).status == 400


def test_patch_of_a_missing_object_is_404(call: Caller) -> None:
    assert call("PATCH", f"{F}/x", {}, content_type=MERGE).status == 404


def test_apply_creates_then_owns_its_fields(call: Caller) -> None:
    url = f"{F}/x?fieldManager=one"
    assert call("PATCH", url, flavor(cores=1), content_type=APPLY).status == 201
    assert call("PATCH", url, flavor(cores=2), content_type=APPLY).status == 200
    other = call("PATCH", f"{F}/x?fieldManager=two", flavor(cores=3), content_type=APPLY)
    assert (other.status, other.json()["details"]["causes"][0]["reason"]) == (409, "FieldManagerConflict")
    forced = call("PATCH", f"{F}/x?fieldManager=two&force=true", flavor(cores=3), content_type=APPLY)
    assert (forced.status, forced.json()["spec"]) == (200, {"cores": 3})


def test_apply_needs_a_manager_and_only_apply_may_force(call: Caller) -> None:
    answer = call("PATCH", f"{F}/x", flavor(), content_type=APPLY)
    assert answer.status == 422
    assert "fieldManager: Required value: is required for apply patch" in answer.json()["message"]
    call("POST", F, flavor())
    answer = call("PATCH", f"{F}/x?force=true", {}, content_type=MERGE)
    assert "force: Forbidden: may not be specified for non-apply patch" in answer.json()["message"]


def test_delete_answers_with_a_status_of_what_is_gone(call: Caller) -> None:
    uid = call("POST", F, flavor()).json()["metadata"]["uid"]
    answer = call("DELETE", f"{F}/x").json()
    assert (answer["kind"], answer["status"]) == ("Status", "Success")
    assert answer["details"] == {"name": "x", "group": "cloud.example.com", "kind": "cpuflavors", "uid": uid}
    assert call("DELETE", f"{F}/x").status == 404


def test_delete_that_finalizers_hold_answers_with_the_object(call: Caller) -> None:
    for name, options, status in (("x", None, 200), ("y", {"orphanDependents": False}, 202)):
        call("POST", F, {**flavor(), "metadata": {"name": name, "finalizers": ["a.io/b"]}})
        answer = call("DELETE", f"{F}/{name}", options)
        assert (answer.status, answer.json()["kind"]) == (status, "CPUFlavor")
        assert answer.json()["metadata"]["deletionTimestamp"]


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"preconditions": {"uid": "other"}}, 409), ({"propagationPolicy": "Some"}, 422), ({"dryRun": ["x"]}, 422),
        ({"propagationPolicy": "Orphan", "orphanDependents": True}, 422), ({"kind": "Pod"}, 400),
        ({"preconditions": []}, 400), ({"propagationPolicy": 1}, 400), ({"dryRun": "All"}, 400),
        ({"dryRun": [""]}, 422),
        ({"kind": "DeleteOptions", "apiVersion": "v1", "dryRun": ["All"]}, 200), ({"preconditions": {"uid": 5}}, 400),
    ],
)  # fmt: skip
def test_delete_options_are_checked(call: Caller, options: Any, status: int) -> None:
    call("POST", F, flavor())
    assert call("DELETE", f"{F}/x", options).status == status
    assert call("GET", f"{F}/x").status == 200


def test_delete_collection_deletes_what_is_selected(call: Caller) -> None:
    for name, value in (("a", "1"), ("b", "2"), ("c", "1")):
        call("POST", F, {**flavor(), "metadata": {"name": name, "labels": {"n": value}}})
    answer = call("DELETE", f"{F}?labelSelector=n%3D1").json()
    assert (answer["kind"], [item["metadata"]["name"] for item in answer["items"]]) == (
        "CPUFlavorList",
        ["a", "c"],
    )
    assert [item["metadata"]["name"] for item in call("GET", F).json()["items"]] == ["b"]


def test_scale_reads_and_writes_the_objects_fields(call: Caller) -> None:
    stored = call("POST", F, {**flavor(replicas=2), "status": {"replicas": 1}}).json()
    scale = call("GET", f"{F}/x/scale").json()
    assert (scale["kind"], scale["apiVersion"]) == ("Scale", "autoscaling/v1")
    assert (scale["spec"], scale["status"]) == ({"replicas": 2}, {"replicas": 1})
    scale["spec"]["replicas"] = 5
    assert call("PUT", f"{F}/x/scale", scale).json()["spec"] == {"replicas": 5}
    assert call("PUT", f"{F}/x/scale", scale).status == 409
    assert call("PATCH", f"{F}/x/scale", {"spec": {"replicas": 7}}, content_type=MERGE).status == 200
    assert call("GET", f"{F}/x").json()["spec"]["replicas"] == 7
    assert stored["metadata"]["uid"] == scale["metadata"]["uid"]


@pytest.mark.parametrize(("replicas", "status"), [(-1, 422), ("x", 422), (True, 422), (2**31, 422), (0, 200)])
def test_scale_is_checked(call: Caller, replicas: Any, status: int) -> None:
    call("POST", F, flavor(replicas=1))
    assert (
        call("PATCH", f"{F}/x/scale", {"spec": {"replicas": replicas}}, content_type=MERGE).status == status
    )


@pytest.mark.parametrize("spec", [None, []])
def test_scale_of_an_object_without_a_spec_makes_one(call: Caller, spec: Any) -> None:
    for name, method, media in (("x", "PUT", "application/json"), ("y", "PATCH", MERGE)):
        call("POST", F, {**flavor(name), "spec": spec})
        scale = {
            "kind": "Scale",
            "apiVersion": "autoscaling/v1",
            "metadata": {"name": name},
            "spec": {"replicas": 3},
        }
        answer = call(method, f"{F}/{name}/scale", scale, content_type=media)
        assert (answer.status, answer.json()["spec"]) == (200, {"replicas": 3})
        assert call("GET", f"{F}/{name}").json()["spec"] == {"replicas": 3}


def test_replica_refuses_every_write_and_names_the_provider(call: Caller, backend: Backend) -> None:
    backend.put_memory_flavor("a")
    revision = backend.store.revision
    url = client.MEMORY_FLAVORS
    for method, target in (
        ("POST", url), ("PUT", f"{url}/a"), ("PATCH", f"{url}/a"), ("DELETE", f"{url}/a"), ("DELETE", url),
        ("OPTIONS", url), ("TRACE", f"{url}/a"), ("POST", f"{url}/a"), ("PUT", url),
    ):  # fmt: skip
        answer = call(method, target, flavor(), content_type=MERGE, x_http_method_override="GET")
        assert (answer.status, answer.json()["reason"]) == (405, "MethodNotAllowed")
    assert call("DELETE", f"{url}/a").json()["message"] == (
        "memflavors.cloud.example.com is read-only here: it is provided by root:cloud"
    )
    assert backend.store.revision == revision


def test_bodies_above_the_limit_are_413_and_compressed_ones_415(call: Caller) -> None:
    large = call("POST", F, b" " * (3 * 1024 * 1024 + 1))
    assert (large.status, large.json()["reason"]) == (413, "RequestEntityTooLarge")
    assert call("POST", F, flavor(), content_encoding="gzip").status == 415
    assert call("POST", F, flavor(), content_type="text/plain").status == 415
