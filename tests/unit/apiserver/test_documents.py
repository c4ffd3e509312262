from __future__ import annotations

import base64
from dataclasses import replace

import orjson
import pytest

from kcpcache.apimachinery import errors
from kcpcache.apiserver import discovery, openapiprotobuf, protobuf, protobufwire
from tests.unit.apiserver import backends, client
from tests.unit.apiserver.conftest import Caller

B = client.BASE
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"
READ_VERBS = ["get", "list", "watch"]
ALL_VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]


def test_resource_list_has_verbs_from_the_storage_and_subresources(call: Caller) -> None:
    document = call("GET", f"{B}/apis/cloud.example.com/v1").json()
    by_name = {entry["name"]: entry for entry in document["resources"]}
    assert list(by_name) == ["cpuflavors", "cpuflavors/scale", "cpuflavors/status", "memflavors"]
    assert by_name["memflavors"]["verbs"] == READ_VERBS
    assert by_name["cpuflavors"] == {
        "name": "cpuflavors", "singularName": "cpuflavor", "namespaced": False, "kind": "CPUFlavor",
        "verbs": ALL_VERBS, "shortNames": ["cf"], "categories": ["all"],
    }  # fmt: skip
    assert by_name["cpuflavors/status"]["verbs"] == ["get", "patch", "update"]
    assert (by_name["cpuflavors/scale"]["group"], by_name["cpuflavors/scale"]["kind"]) == (
        "autoscaling",
        "Scale",
    )


def test_groups_are_listed_with_their_preferred_version(call: Caller) -> None:
    groups = {group["name"]: group for group in call("GET", f"{B}/apis").json()["groups"]}
    assert groups["cloud.example.com"]["preferredVersion"]["groupVersion"] == "cloud.example.com/v1"
    assert call("GET", f"{B}/apis/cloud.example.com").json()["kind"] == "APIGroup"
    assert call("GET", f"{B}/api").json()["versions"] == ["v1"]


def test_versions_are_in_kubernetes_order() -> None:
    made = [replace(backends.FLAVOR, version=version) for version in ("v1alpha1", "v2", "v1", "v1beta1")]
    resources = {(d.group, d.version, d.plural): d for d in made}
    (group,) = discovery.api_group_list(resources)["groups"]
    assert [version["version"] for version in group["versions"]] == ["v2", "v1", "v1beta1", "v1alpha1"]


def test_aggregated_discovery_says_the_same(call: Caller) -> None:
    answer = call("GET", f"{B}/apis", accept=AGGREGATED)
    assert (
        answer.headers["content-type"]
        == "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    )
    items = {item["metadata"]["name"]: item for item in answer.json()["items"]}
    assert "" not in items
    (version,) = items["cloud.example.com"]["versions"]
    resources = {entry["resource"]: entry for entry in version["resources"]}
    assert (version["version"], version["freshness"]) == ("v1", "Current")
    assert resources["memflavors"]["verbs"] == READ_VERBS
    assert [sub["subresource"] for sub in resources["cpuflavors"]["subresources"]] == ["scale", "status"]
    core = call("GET", f"{B}/api", accept=AGGREGATED).json()
    assert [item["metadata"]["name"] for item in core["items"]] == [""]


@pytest.mark.parametrize("path", ["/apis", "/api/v1", "/openapi/v3", "/openapi/v2", "/openapi/v3/api/v1"])
def test_unchanged_documents_are_304(call: Caller, path: str) -> None:
    etag = call("GET", B + path).headers["etag"]
    answer = call("GET", B + path, if_none_match=etag)
    assert (answer.status, answer.body) == (304, b"")


def test_openapi_index_leads_to_documents_in_the_same_workspace(call: Caller) -> None:
    paths = call("GET", f"{B}/openapi/v3").json()["paths"]
    assert {"api/v1", "apis/cloud.example.com/v1"} <= set(paths)
    url = paths["apis/cloud.example.com/v1"]["serverRelativeURL"]
    assert url.startswith(f"{B}/openapi/v3/apis/cloud.example.com/v1?hash=")
    answer = call("GET", url)
    assert answer.status == 200
    assert "immutable" in answer.headers["cache-control"]
    assert call("GET", f"{B}/openapi/v3/apis/none/v1").status == 404


def test_openapi_v3_document_is_what_kubectl_looks_for(call: Caller) -> None:
    document = call("GET", f"{B}/openapi/v3/apis/cloud.example.com/v1").json()
    item = document["paths"]["/apis/cloud.example.com/v1/cpuflavors/{name}"]
    gvk = {"group": "cloud.example.com", "version": "v1", "kind": "CPUFlavor"}
    assert item["patch"]["x-kubernetes-group-version-kind"] == gvk
    assert {"fieldValidation", "dryRun"} <= {parameter["name"] for parameter in item["patch"]["parameters"]}
    assert "application/strategic-merge-patch+json" not in item["patch"]["requestBody"]["content"]
    read_only = document["paths"]["/apis/cloud.example.com/v1/memflavors/{name}"]
    assert set(read_only) == {"get", "parameters"}
    schemas = document["components"]["schemas"]
    (flavor,) = [s for s in schemas.values() if gvk in s.get("x-kubernetes-group-version-kind", [])]
    assert flavor["properties"]["spec"]["properties"]["cores"]["description"] == "How many cores."
    assert flavor["properties"]["metadata"]["allOf"] == [
        {"$ref": "#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"}
    ]


def test_openapi_references_all_resolve(call: Caller) -> None:
    for path, prefix, at in (
        ("/openapi/v3/apis/cloud.example.com/v1", "#/components/schemas/", ("components", "schemas")),
        ("/openapi/v2", "#/definitions/", ("definitions",)),
    ):
        answer = call("GET", B + path)
        found = answer.json()
        for name in at:
            found = found[name]
        references = {part.split(b'"')[0].decode() for part in answer.body.split(b'"$ref":"')[1:]}
        assert references
        assert {reference.removeprefix(prefix) for reference in references} <= set(found)


def test_openapi_v2_has_the_protobuf_form_client_go_asks_for(call: Caller) -> None:
    asked = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
    answer = call("GET", f"{B}/openapi/v2", accept=asked)
    assert answer.headers["content-type"] == "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
    fields = list(protobufwire.read(answer.body))
    assert fields[0] == (1, protobufwire.BYTES, b"2.0")
    definitions = next(value for number, _, value in fields if number == 9)
    assert isinstance(definitions, bytes)
    names = [next(protobufwire.read(entry))[2] for _, _, entry in protobufwire.read(definitions)]  # type: ignore[arg-type]
    as_json = call("GET", f"{B}/openapi/v2").json()
    assert [name.decode() for name in names] == list(as_json["definitions"])  # type: ignore[union-attr]


def test_openapi_v2_schema_keywords_are_encoded_under_their_numbers() -> None:
    schema = {
        "type": "object", "required": ["a"], "x-y": True, "default": {"a": 1},
        "properties": {"a": {"type": "array", "items": {"$ref": "#/definitions/b"}, "maxItems": 3}},
        "additionalProperties": False,
    }  # fmt: skip
    numbers = [number for number, _, _ in protobufwire.read(openapiprotobuf._schema(schema))]
    assert sorted(numbers) == [5, 19, 21, 22, 25, 31]


def test_openapi_of_a_kind_without_schema_lets_kubectl_accept_anything(call: Caller) -> None:
    definition = call("GET", f"{B}/openapi/v2").json()["definitions"]["com.example.cloud.v1.MemFlavor"]
    assert "properties" not in definition


def test_version_is_kubernetes_like_and_ours(call: Caller) -> None:
    document = call("GET", f"{B}/version").json()
    assert (document["major"], document["minor"]) == ("1", "36")
    assert document["gitVersion"].startswith("v1.36.0+kcpcache-v")


def text(number: int, value: str) -> bytes:
    return protobufwire.field_text(number, value)


def message(number: int, *parts: bytes) -> bytes:
    return protobufwire.field_bytes(number, b"".join(parts))


def envelope(api_version: str, kind: str, *parts: bytes) -> bytes:
    return b"k8s\0" + message(1, text(1, api_version), text(2, kind)) + message(2, *parts)


def test_protobuf_objects_become_the_same_as_json(call: Caller) -> None:
    created = message(8, protobufwire.field_number(1, 1_700_000_000))
    metadata = message(1, text(1, "x"), message(11, text(1, "k"), text(2, "v")), text(14, "a.io/f"), created)
    body = envelope(
        "v1", "ConfigMap", metadata, message(2, text(1, "a"), text(2, "b")), message(2, text(1, "e"))
    )
    answer = call("POST", client.CONFIG_MAPS, body, content_type="application/vnd.kubernetes.protobuf")
    assert answer.status == 201
    obj = answer.json()
    assert obj["data"] == {"a": "b", "e": ""}
    assert (obj["metadata"]["labels"], obj["metadata"]["finalizers"]) == ({"k": "v"}, ["a.io/f"])


def test_protobuf_secret_data_is_base64_and_times_are_rfc3339() -> None:
    body = envelope(
        "v1", "Secret", message(1, text(1, "s")), message(2, text(1, "k"), message(2, b"\x00\xff"))
    )
    assert protobuf.decode(body)["data"] == {"k": base64.b64encode(b"\x00\xff").decode()}
    moment = protobufwire.field_number(1, 1_700_000_000) + protobufwire.field_number(2, 5000)
    lease = envelope(
        "coordination.k8s.io/v1", "Lease", message(2, protobufwire.field_number(2, 15), message(4, moment))
    )
    spec = protobuf.decode(lease)["spec"]
    assert spec == {"leaseDurationSeconds": 15, "renewTime": "2023-11-14T22:13:20.000005Z"}


def test_protobuf_delete_options_are_read(call: Caller) -> None:
    call("POST", client.CONFIG_MAPS, {"metadata": {"name": "x"}})
    body = envelope("v1", "DeleteOptions", message(2, text(1, "other-uid")))
    answer = call(
        "DELETE", f"{client.CONFIG_MAPS}/x", body, content_type="application/vnd.kubernetes.protobuf"
    )
    assert answer.status == 409


def test_protobuf_of_unknown_kinds_is_415() -> None:
    with pytest.raises(errors.UnsupportedMediaType):
        protobuf.decode(envelope("apps/v1", "Deployment"))


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{}", b"k8s\0\xff", b"k8s\0\x0a\xff\xff\xff\xff\x0f", envelope("v1", "ConfigMap", b"\x0a\x05ab"),
        envelope("v1", "ConfigMap", b"\x08\x01"), envelope("v1", "ConfigMap", message(1, b"\x0a\x01\xff")),
        envelope("v1", "ConfigMap", b"\x0b"), b"k8s\0" + b"\x80" * 50,
    ],
)  # fmt: skip
def test_damaged_protobuf_is_a_bad_request(body: bytes) -> None:
    with pytest.raises(errors.BadRequest):
        protobuf.decode(body)


def test_varints_are_read_as_they_are_written() -> None:
    for value in (0, 1, 127, 128, 300, 2**63 - 1, -1, -(2**63)):
        encoded = protobufwire.varint(1 << 3) + protobufwire.varint(value)
        ((_, _, found),) = protobufwire.read(encoded)
        assert protobufwire.signed(int(found)) == value


def test_root_of_a_workspace_lists_its_paths(call: Caller) -> None:
    assert {"/api", "/apis/cloud.example.com/v1", "/openapi/v3"} <= set(call("GET", f"{B}/").json()["paths"])


def test_what_is_djangos_goes_to_django_and_the_rest_is_a_404_status(call: Caller) -> None:
    for path in ("/admin/", "/api/x", "/metrics", "/static/x.css"):
        assert call("GET", path, token="").status == 299
    for path in ("/", "/favicon.ico", "/admin", "/apis", "/clusters", "/services"):
        answer = call("GET", path)
        assert (answer.status, orjson.loads(answer.body)["kind"]) == (404, "Status")
        assert call("GET", path, token="").status == 401
