"""A whole scrape: the figures of replication, and that dashboard and alerts use no series that is not in it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from django.test import override_settings
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as classic

from replication import rows
from replication.replica import audit, connection, tallies
from tests.servers import PROJECT
from tests.unit.replication import provider
from tests.unit.rest.conftest import Caller
from workspaces import hints
from workspaces.registry import client

_WORD = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_OURS = ("apiserver_", "workqueue_", "kcpcache_", "process_", "python_")


def scrape(caller: Caller) -> dict[str, list[Any]]:
    """Each sample's name, as a query names it, and its samples."""
    text = caller.get("/metrics").content.decode()
    found: dict[str, list[Any]] = {}
    for family in classic(text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append(sample)
    return found


def value(samples: dict[str, list[Any]], series: str, /, **labels: str) -> float:
    (found,) = [sample for sample in samples[series] if sample.labels.items() >= labels.items()]
    return float(found.value)


def test_replication_is_measured(admin: Caller) -> None:
    found = scrape(admin)
    assert value(found, "kcpcache_replication_lag_seconds") == 0
    assert value(found, "kcpcache_objects", where="source") == 3
    assert value(found, "kcpcache_objects", where="cache") == 3
    assert value(found, "kcpcache_cachedresources", phase="Ready") == 1
    assert value(found, "kcpcache_consumers") == 2
    assert value(found, "kcpcache_last_sync_timestamp_seconds") > 1.7e9
    assert value(found, "kcpcache_cache_up") == 1
    assert value(found, "workqueue_depth", name="replication") == 0
    assert {"cachedresource", "replication"} <= {sample.labels["name"] for sample in found["workqueue_depth"]}


def test_change_that_did_not_reach_the_replica_is_a_lag(admin: Caller) -> None:
    provider.create_flavors("cpu-late")
    found = scrape(admin)
    assert value(found, "kcpcache_replication_lag_changes") == 1
    assert value(found, "workqueue_depth", name="replication") == 1
    provider.work_off()
    client.delete(provider.CLOUD, provider.GROUP, "cpuflavors", "cpu-late")
    provider.work_off()
    assert value(scrape(admin), "kcpcache_replication_lag_changes") == 0


def test_drift_that_a_worker_found_is_counted(admin: Caller) -> None:
    before = value(scrape(admin), "kcpcache_drift_total")
    (source,) = rows.all_sources()
    epoch = int(connection.client().hget(source.family.meta, "epoch"))
    connection.client().hset(source.family.objects(epoch), "cpu-small", b"{}")
    assert audit.audit(connection.client(), source) == ["cpu-small"]
    tallies.send(connection.client())  # as a worker does when its task has ended
    assert value(scrape(admin), "kcpcache_drift_total") == before + 1


def test_hint_that_could_not_be_sent_is_counted(admin: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    before = value(scrape(admin), "kcpcache_hint_lost_total")
    monkeypatch.setattr(hints, "_PAUSE_SECONDS", 0.01)

    def away(hint: hints.Hint) -> None:
        raise ConnectionError("away")

    publisher = hints.Publisher(away)
    publisher.publish("a", hints.Hint("a", (), None))
    publisher.publish("b", hints.Hint("b", (), None))
    publisher.flush(5)
    assert value(scrape(admin), "kcpcache_hint_lost_total") == before + 2


def test_without_redis_the_rest_is_still_there(admin: Caller) -> None:
    with override_settings(KCPCACHE_REDIS_URL="unix:///nowhere.sock?db=0"):
        connection.forget()
        found = scrape(admin)
    connection.forget()
    assert value(found, "kcpcache_cache_up") == 0
    assert "kcpcache_drift_total" not in found
    assert "kcpcache_revision" in found


def test_scraper_that_knows_openmetrics_gets_it(admin: Caller, catalogue: None) -> None:
    from workspaces import tokens

    caller = Caller(
        tokens.create("prometheus", ["system:monitoring"], None),
        accept="application/openmetrics-text;version=1.0.0;q=0.8,text/plain;version=0.0.4;q=0.3",
    )
    response = caller.get("/metrics")
    assert response["Content-Type"].startswith("application/openmetrics-text")
    assert "kcpcache_objects" in {family.name for family in openmetrics(response.content.decode())}


def test_no_label_names_a_workspace_or_a_consumer(admin: Caller) -> None:
    text = admin.get("/metrics").content.decode()
    for word in (provider.CLOUD, provider.ALICE, "cpuflavors"):
        assert word not in text


def expressions(thing: Any) -> Iterator[str]:
    """Every query in a dashboard or in rules."""
    if isinstance(thing, dict):
        for name, inner in thing.items():
            if name == "expr" and isinstance(inner, str):
                yield inner
            else:
                yield from expressions(inner)
    elif isinstance(thing, list):
        for inner in thing:
            yield from expressions(inner)


@pytest.mark.parametrize("file", ["grafana-dashboard.json", "alerts.yaml"])
def test_every_series_of_dashboard_and_alerts_is_in_a_scrape(admin: Caller, file: str) -> None:
    text = (PROJECT / "deploy" / file).read_text()
    found = scrape(admin)
    known = set(found) | {f"apiserver_request_duration_seconds_{part}" for part in ("bucket", "sum", "count")}
    known |= {"apiserver_request_total"}  # of the API's own requests, which this process has not answered
    asked = list(expressions(json.loads(text) if file.endswith("json") else yaml.safe_load(text)))
    assert len(asked) > 5
    used = {word for each in asked for word in _WORD.findall(each) if word.startswith(_OURS)}
    assert used and used <= known, used - known
