"""What operators use, against a running service: REST, figures, and the log of a change."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
import redis
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from tests import servers
from tests.e2e import catalogue
from tests.e2e.http import API, admin_token
from tests.servers import Server
from tests.waiting import until

pytestmark = pytest.mark.e2e
SECRET = "correct-horse-battery-staple"


def test_replica_that_was_tampered_with_is_found_and_repaired(server: Server) -> None:
    provider = catalogue.with_flavours(server, "tampered")
    catalogue.replicate(provider)
    (found,) = provider.api.get(f"/api/cachedresources?workspace={provider.path}&phase=Ready")["results"]
    actions = f"/api/cachedresources/{found['uid']}"
    assert provider.api.request("POST", f"{actions}/verify").json["is_equal"]

    def differences() -> list[str]:
        """What a verification says of tampering; an audit that comes in between repairs it, and counts it as drift."""
        drifts = provider.api.get(actions)["drifts"]
        tamper(server, found["uid"], "cpu-1")
        verdict = provider.api.request("POST", f"{actions}/verify").json
        if verdict["is_equal"]:
            assert provider.api.get(actions)["drifts"] > drifts
        return list(verdict["differences"])

    seen = until(differences, timeout_seconds=60, what="a verification that is quicker than an audit")
    assert "cpu-1: it is not an object" in seen
    assert provider.api.request("POST", f"{actions}/repair").status == 202
    until(lambda: provider.api.request("POST", f"{actions}/verify").json["is_equal"], what="the repair")
    objects = provider.api.get(f"/api/replicas/{found['uid']}/objects")
    assert [each["name"] for each in objects["results"]] == ["cpu-1", "cpu-2", "cpu-3"]


def tamper(server: Server, uid: str, name: str) -> None:
    """Put something else in the place of an object, in the generation of keys that is live."""
    with redis.Redis(unix_socket_path=str(server.data_dir / "redis" / "redis.sock"), protocol=2) as cache:
        (meta,) = cache.keys(f"kcpcache:*{uid}*:meta")
        prefix, epoch = meta.decode().removesuffix("meta"), cache.hget(meta, "epoch").decode()
        forged = b'{"metadata":{"name":"%s","annotations":{"kcp.io/cluster":"\0"}}}' % name.encode()
        assert cache.hset(f"{prefix}{epoch}:objects", name, forged) == 0  # in the place of something


def test_scrape_has_what_the_process_answered_and_what_workers_did(server: Server) -> None:
    provider = catalogue.with_flavours(server, "measured")
    catalogue.replicate(provider)
    answer = provider.api.request("GET", "/metrics", headers={"Accept": "application/openmetrics-text"})
    headers = {name.lower(): value for name, value in answer.headers.items()}
    assert headers["content-type"].startswith("application/openmetrics-text")
    samples: dict[str, list[Any]] = {}
    for family in text_string_to_metric_families(answer.content.decode()):
        for sample in family.samples:
            samples.setdefault(sample.name, []).append(sample)
    posted = [each for each in samples["apiserver_request_total"] if each.labels["verb"] == "POST"]
    assert sum(each.value for each in posted) >= 3
    assert {"(crd)", "customresourcedefinitions"} <= {each.labels["resource"] for each in posted}
    assert samples["apiserver_request_duration_seconds_count"]
    assert samples["kcpcache_workers"][0].value >= 1
    assert max(each.value for each in samples["kcpcache_objects"]) >= 3


def test_failures_outside_of_the_api_are_a_status_too(server: Server) -> None:
    nobody = API(server, token="")
    for path in ("/api/", "/api/objects", "/api/absent", "/metrics"):
        answer = nobody.request("GET", path)
        assert (answer.status, answer.json["kind"]) == (401, "Status")


def test_request_id_follows_a_change_to_redis_and_the_log_holds_no_secret(tmp_path: Path) -> None:
    with servers.running(tmp_path / "data", KCPCACHE_LOG_LEVEL="DEBUG", KCPCACHE_LOG_FORMAT="json") as server:
        provider = catalogue.with_flavours(server, "logged", count=1)
        secret = {"metadata": {"name": "s"}, "stringData": {"password": SECRET}}
        provider.create("/api/v1/namespaces/default/secrets", secret)
        catalogue.replicate(provider)
        url = provider.url(catalogue.FLAVOURS)
        answer = provider.api.request("POST", url, catalogue.flavour("cpu-traced"))
        assert answer.status == 201
        request_id = {name.lower(): value for name, value in answer.headers.items()}["x-request-id"]

        def loggers() -> set[str]:
            return {each["logger"] for each in entries(server.log) if each["request_id"] == request_id}

        until(lambda: "replication.replica.log" in loggers(), what="the batch's line")
        assert "kcpcache.apiserver.handler" in loggers()
        processes = {each["process"] for each in entries(server.log) if each["request_id"] == request_id}
        assert len(processes) >= 2
        assert {"redis", "web", "worker"} <= {each.get("program") for each in entries(server.log)}
        text = server.log.read_text()
        for hidden in (SECRET, base64.b64encode(SECRET.encode()).decode(), admin_token(server)):
            assert hidden not in text


def entries(log: Path) -> list[dict[str, Any]]:
    """The records of a log; what the supervisor itself says to people is left out."""
    whole, _, _unfinished = log.read_text().rpartition("\n")
    return [json.loads(line) for line in whole.splitlines() if line.startswith("{")]
