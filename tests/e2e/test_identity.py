"""Identities: made, given, missing, changed, and compared where they are used."""

from __future__ import annotations

import contextlib
import hashlib
from base64 import b64decode
from typing import Any

import pytest

from tests.e2e import catalogue
from tests.e2e.catalogue import BINDINGS, CACHED, EXPORT, EXPORTS, FLAVOURS, cached_resource
from tests.servers import Server
from tests.waiting import until

pytestmark = pytest.mark.e2e

KEY = "instances-cr-identity-123"
HASH = "676a1a997f7507fdfcfd1fcf35920efdff1297cd215cad4f486220c30a5c7090"
RESOURCE = f"{CACHED}/cpuflavors-v1"
OWN_SECRET = {"secretRef": {"name": "own-identity", "namespace": "default"}}
SECRET = """
apiVersion: v1
kind: Secret
metadata:
  name: own-identity
  namespace: default
stringData:
  key: "{key}"
"""


def test_own_key_gives_its_sha256(server: Server) -> None:
    cloud = catalogue.with_flavours(server, "identity")
    cloud.kubectl("apply", "-f", "-", input=SECRET.format(key=KEY))
    assert catalogue.replicate(cloud, identity=OWN_SECRET) == HASH == hashlib.sha256(KEY.encode()).hexdigest()


def test_key_is_made_when_none_is_given(server: Server) -> None:
    cloud = catalogue.with_flavours(server, "identity")
    identity = catalogue.replicate(cloud)
    assert cloud.get(RESOURCE)["spec"]["identity"]["secretRef"] == {
        "name": "cpuflavors-v1",
        "namespace": "kcp-system",
    }
    secret = cloud.get("/api/v1/namespaces/kcp-system/secrets/cpuflavors-v1")
    assert identity == hashlib.sha256(b64decode(secret["data"]["key"])).hexdigest()


def test_missing_secret_is_told_and_recovers(server: Server) -> None:
    cloud = catalogue.with_flavours(server, "identity")
    cloud.create(CACHED, cached_resource(identity=OWN_SECRET))
    failed = cloud.until_condition(RESOURCE, "IdentityValid", "False")
    assert failed["reason"]
    assert failed["message"]
    cloud.kubectl("apply", "-f", "-", input=SECRET.format(key=KEY))
    assert catalogue.ready_identity(cloud) == HASH


def test_empty_key_is_told_and_recovers(server: Server) -> None:
    cloud = catalogue.with_flavours(server, "identity")
    cloud.kubectl("apply", "-f", "-", input=SECRET.format(key=""))
    cloud.create(CACHED, cached_resource(identity=OWN_SECRET))
    cloud.until_condition(RESOURCE, "IdentityValid", "False")
    cloud.kubectl("apply", "-f", "-", input=SECRET.format(key=KEY))
    assert catalogue.ready_identity(cloud) == HASH


def test_changed_key_is_told_and_consumers_keep_what_they_had(server: Server) -> None:
    cloud = catalogue.with_flavours(server, "identity")
    cloud.kubectl("apply", "-f", "-", input=SECRET.format(key=KEY))
    identity = catalogue.replicate(cloud, identity=OWN_SECRET)
    catalogue.export(cloud, identity)
    alice = catalogue.Provider(cloud, identity).consumer()
    cloud.kubectl("apply", "-f", "-", input=SECRET.format(key="another"))
    failed = cloud.until_condition(RESOURCE, "IdentityValid", "False")
    assert failed["reason"] == "IdentityVerificationFailed"
    assert cloud.get(RESOURCE)["status"]["identityHash"] == HASH
    assert alice.names(FLAVOURS) == ["cpu-1", "cpu-2", "cpu-3"]
    cloud.kubectl("apply", "-f", "-", input=SECRET.format(key=KEY))
    cloud.until_condition(RESOURCE, "IdentityValid")


def false_messages(obj: dict[str, Any]) -> str:
    """What the conditions of an object that are False say."""
    conditions = (obj.get("status") or {}).get("conditions") or []
    return " ".join(each.get("message", "") for each in conditions if each["status"] == "False")


def test_export_with_a_wrong_hash_serves_nothing_and_says_why(server: Server) -> None:
    cloud = catalogue.with_flavours(server, "identity")
    identity = catalogue.replicate(cloud)
    catalogue.export(cloud, "0" * 64)
    alice = catalogue.workspace(server, "alice")
    catalogue.bind(alice, cloud.path, wait=False)
    until(lambda: alice.api.request("GET", alice.url("/apis/cloud.example.com/v1/instances")).status == 200)
    assert alice.api.request("GET", alice.url(FLAVOURS)).status == 404
    for told in (lambda: alice.get(f"{BINDINGS}/compute"), lambda: cloud.get(f"{EXPORTS}/{EXPORT}")):
        assert "identityHash" in until(
            lambda told=told: false_messages(told()), what="a condition that is False"
        )
    resources = cloud.get(f"{EXPORTS}/{EXPORT}")["spec"]["resources"]
    resources[1]["storage"]["virtual"]["identityHash"] = identity
    cloud.merge(f"{EXPORTS}/{EXPORT}", {"spec": {"resources": resources}})
    alice.until_names(FLAVOURS, "cpu-1", "cpu-2", "cpu-3")
    until(
        lambda: not false_messages(alice.get(f"{BINDINGS}/compute")), what="the binding's conditions to clear"
    )
    until(
        lambda: not false_messages(cloud.get(f"{EXPORTS}/{EXPORT}")), what="the export's conditions to clear"
    )


def test_two_tenants_with_one_key_stay_two_tenants(server: Server) -> None:
    clouds = [catalogue.with_flavours(server, f"tenant-{n}", count=n) for n in (1, 2)]
    for cloud in clouds:
        cloud.kubectl("apply", "-f", "-", input=SECRET.format(key=KEY))
        assert catalogue.replicate(cloud, identity=OWN_SECRET) == HASH
        catalogue.export(cloud, HASH)
    consumers = [catalogue.Provider(cloud, HASH).consumer() for cloud in clouds]
    assert [len(consumer.names(FLAVOURS)) for consumer in consumers] == [1, 2]


def test_key_is_stored_nowhere_in_plain_text(server: Server) -> None:
    cloud = catalogue.with_flavours(server, "identity")
    key = "plain-text-must-not-be-found-0815"
    cloud.kubectl("apply", "-f", "-", input=SECRET.format(key=key))
    catalogue.replicate(cloud, identity=OWN_SECRET)
    for file in server.data_dir.rglob("*"):
        if file.is_file():
            with contextlib.suppress(FileNotFoundError):  # the cache server's own temporary files come and go
                assert key.encode() not in file.read_bytes(), file
    assert key not in server.log.read_text()
