from __future__ import annotations

import base64

import pytest

from kcpcache.apimachinery import errors
from kcpcache.apimachinery.objects import JSONObject
from tests.unit.controllers.conftest import on_database
from workspaces.controllers import events
from workspaces.registry import client

pytestmark = on_database


def secret(cluster: str, **fields: object) -> JSONObject:
    return client.create(cluster, "", "secrets", {"metadata": {"name": "s"}, **fields}, "default")


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_string_data_is_folded_into_data(cluster: str) -> None:
    made = secret(cluster, data={"a": encoded("one"), "b": encoded("two")}, stringData={"a": "three"})
    assert made["data"] == {"a": encoded("three"), "b": encoded("two")}
    assert "stringData" not in made
    assert made["type"] == "Opaque"
    assert "generation" not in made["metadata"]


def test_data_that_is_not_base64_is_a_bad_request_that_does_not_show_it(cluster: str) -> None:
    with pytest.raises(errors.BadRequest, match="illegal base64") as refused:
        secret(cluster, data={"a": "hunter2!"})
    assert "hunter2" not in refused.value.message


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"data": {"../a": ""}}, "valid config key"),
        ({"data": {"": ""}}, "valid config key"),
        ({"data": {"..a": ""}}, "must not start with"),
        ({"data": {"a": base64.b64encode(bytes(1_100_000)).decode()}}, "Too long"),
        ({"type": "kubernetes.io/tls", "data": {"tls.crt": ""}}, "tls.key"),
        ({"type": "kubernetes.io/basic-auth"}, "username"),
    ],
)
def test_wrong_secret_is_refused(cluster: str, fields: JSONObject, message: str) -> None:
    with pytest.raises(errors.Invalid, match=message):
        secret(cluster, **fields)


def test_immutable_secret_and_its_type_do_not_change(cluster: str) -> None:
    secret(cluster, data={"a": encoded("one")}, immutable=True)
    for change in ({"data": {}}, {"immutable": False}, {"type": "other"}):
        with pytest.raises(errors.Invalid, match="immutable"):
            client.update(
                cluster, "", "secrets", "s", lambda obj, change=change: {**obj, **change}, "default"
            )


def test_keys_of_a_configmap_do_not_overlap(cluster: str) -> None:
    made = {"metadata": {"name": "c"}, "data": {"a": "x"}, "binaryData": {"a": encoded("x")}}
    with pytest.raises(errors.Invalid, match="duplicate of key present in binaryData"):
        client.create(cluster, "", "configmaps", made, "default")


def test_namespace_is_active_and_labelled_with_its_name(cluster: str) -> None:
    made = client.create(cluster, "", "namespaces", {"metadata": {"name": "team"}})
    assert made["status"] == {"phase": "Active"}
    assert made["metadata"]["labels"] == {"kubernetes.io/metadata.name": "team"}


def test_repeated_event_is_counted(cluster: str) -> None:
    about = client.get(cluster, "core.kcp.io", "logicalclusters", "cluster")
    assert about is not None
    for _ in range(3):
        events.record(cluster, about, "Warning", "Tired", "needs a rest")
    [event] = client.list(cluster, "", "events", "default")
    assert (event["count"], event["reason"], event["involvedObject"]["name"]) == (3, "Tired", "cluster")
    assert events.expire(3600) == 0
    assert events.expire(-3600) == 1


def test_event_of_another_namespace_is_refused(cluster: str) -> None:
    made = {"metadata": {"name": "e"}, "involvedObject": {"kind": "Secret", "namespace": "elsewhere"}}
    with pytest.raises(errors.Invalid, match=r"does not match event\.namespace"):
        client.create(cluster, "", "events", made, "default")


@pytest.mark.parametrize("name", ["acquireTime", "renewTime"])
@pytest.mark.parametrize(
    "time",
    [
        "2024-01-01T00:00:00Z",
        "2024-01-01T00:00:00.000Z",
        "2024-01-01t00:00:00.000000z",
        "2024-01-01T00:00:00.000000+99:99",
        "2024-01-01T00:00:00.000000000Z",
    ],
)
def test_lease_with_a_time_that_clients_cannot_read_is_refused(cluster: str, name: str, time: str) -> None:
    with pytest.raises(errors.Invalid, match=rf"spec\.{name}"):
        lease(cluster, {name: time})


def test_lease_with_micro_times_is_stored(cluster: str) -> None:
    spec = {"acquireTime": "2024-01-01T00:00:00.000000Z", "renewTime": "2024-01-01T01:00:00.123456+01:00"}
    assert lease(cluster, spec)["spec"] == spec
    assert lease(cluster, {"renewTime": None, "holderIdentity": "a"}, name="b")["metadata"]["name"] == "b"


def lease(cluster: str, spec: JSONObject, name: str = "a") -> JSONObject:
    made = {"metadata": {"name": name}, "spec": spec}
    return client.create(cluster, "coordination.k8s.io", "leases", made, "default")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"eventTime": "2024-01-01T00:00:00Z"}, "eventTime"),
        ({"series": {"count": 2, "lastObservedTime": "2024-01-01T00:00:00Z"}}, r"series\.lastObservedTime"),
        ({"lastTimestamp": "2024-01-01t00:00:00Z"}, "lastTimestamp"),
        ({"firstTimestamp": "2024-01-01T00:00:00+99:99"}, "firstTimestamp"),
    ],
)
def test_event_with_a_time_that_clients_cannot_read_is_refused(
    cluster: str, fields: JSONObject, message: str
) -> None:
    with pytest.raises(errors.Invalid, match=message):
        client.create(cluster, "", "events", event(**fields), "default")


def test_event_with_every_kind_of_time_is_stored(cluster: str) -> None:
    times = {
        "eventTime": "2024-01-01T00:00:00.000000Z",
        "firstTimestamp": "2024-01-01T00:00:00Z",
        "series": {"count": 2, "lastObservedTime": "2024-01-01T00:00:00.000001Z"},
    }
    made = client.create(cluster, "", "events", event(**times), "default")
    assert {name: made[name] for name in times} == times


def event(**fields: object) -> JSONObject:
    about = {"kind": "Secret", "namespace": "default", "name": "s"}
    told = {"reportingComponent": "c", "reportingInstance": "i", "action": "a", "reason": "r"}
    return {"metadata": {"name": "e"}, "involvedObject": about, **told, **fields}
