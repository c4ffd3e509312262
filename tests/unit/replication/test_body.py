"""From stored bytes to replica bytes to consumer bytes."""

from __future__ import annotations

import orjson
import pytest

from kcpcache.apimachinery import objects
from replication.replica import body


def source(**parts):
    metadata = {"name": "a", "uid": "u", "resourceVersion": "7", **parts.pop("metadata", {})}
    return objects.encode(
        {"apiVersion": "example.io/v1alpha1", "kind": "Thing", "metadata": metadata, **parts}
    )


def consumed(source_body, cluster="consumer", **options):
    return orjson.loads(
        body.splice(body.to_replica(source_body, "example.io/v1", **options), cluster.encode())
    )


def test_consumer_reads_its_own_cluster_and_the_served_version() -> None:
    obj = consumed(
        source(metadata={"annotations": {"b": "2", "kcp.io/cluster": "provider", "a": "1"}}, spec={"x": 1})
    )
    assert obj["apiVersion"] == "example.io/v1"
    assert obj["metadata"]["annotations"] == {"kcp.io/cluster": "consumer", "b": "2", "a": "1"}
    assert (obj["kind"], obj["spec"]) == ("Thing", {"x": 1})
    assert obj["metadata"]["resourceVersion"] == "7"


def test_object_without_annotations_gets_the_cluster_only() -> None:
    assert consumed(source())["metadata"]["annotations"] == {"kcp.io/cluster": "consumer"}


def test_managed_fields_and_last_applied_stay_with_the_provider() -> None:
    stripped = {
        "managedFields": [{"manager": "kubectl"}],
        "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}", "kept": "yes"},
    }
    kept = {
        "finalizers": ["f"],
        "ownerReferences": [{"uid": "o"}],
        "labels": {"l": "1"},
        "generation": 3,
        "deletionTimestamp": "2026-01-01T00:00:00Z",
    }
    metadata = consumed(source(metadata={**kept, **stripped}))["metadata"]
    assert metadata.pop("annotations") == {"kcp.io/cluster": "consumer", "kept": "yes"}
    assert metadata == {"name": "a", "uid": "u", "resourceVersion": "7", **kept}


@pytest.mark.parametrize(
    "text", ["\0", "\0\0", '"kcp.io/cluster":"\0"', "\\u0000", '\\"kcp.io/cluster\\":\\"\\u0000']
)
def test_nul_in_user_text_survives(text: str) -> None:
    obj = consumed(
        source(
            metadata={"annotations": {text: text, "kcp.io/cluster": text}, "labels": {"l": text}},
            spec={text: text},
        )
    )
    assert obj["spec"] == {text: text}
    assert obj["metadata"]["annotations"] == {"kcp.io/cluster": "consumer", text: text}
    assert obj["metadata"]["labels"] == {"l": text}


def test_only_one_raw_nul_lies_in_a_body() -> None:
    made = body.to_replica(source(spec={"text": "\0" * 50}), "example.io/v1")
    assert made.count(b"\0") == 1


def test_revision_of_its_own_replaces_the_sources() -> None:
    assert consumed(source(), revision=99)["metadata"]["resourceVersion"] == "99"
    made = body.to_replica(source(spec={"resourceVersion": "7"}), "example.io/v1")
    again = orjson.loads(body.splice(body.with_revision(made, 12), b"c"))
    assert again["metadata"]["resourceVersion"] == "12"
    assert again["spec"] == {"resourceVersion": "7"}
    assert again["metadata"]["annotations"] == {"kcp.io/cluster": "c"}


def test_large_object_and_long_name_replicate(replica) -> None:
    from tests.contract.harness import CLUSTER, key, thing

    name = "n" * 253
    replica.put(key(name), thing(name, payload="x" * 1_500_000))
    replica.put(key("b"), thing("b"))
    replica.mirrors.look()
    obj = orjson.loads(replica.view(CLUSTER).get("", name).body)
    assert len(obj["spec"]["payload"]) == 1_500_000
