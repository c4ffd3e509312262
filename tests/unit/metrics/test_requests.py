"""Requests are counted where they end, by labels that strangers cannot make."""

from __future__ import annotations

import timeit

import pytest
from prometheus_client.parser import text_string_to_metric_families

from kcpcache.apimachinery.descriptor import Descriptor
from kcpcache.apiserver import exposition, metrics, streaming
from kcpcache.apiserver.exchange import Request, Response, Stream
from kcpcache.apiserver.requestinfo import parse


def descriptor(origin: str = "builtin", plural: str = "configmaps", group: str = "") -> Descriptor:
    return Descriptor(group, "v1", plural, "x", "X", "XList", True, "v1", ("v1",), origin=origin)


def request(path: str, found: Descriptor | None, method: str = "GET") -> Request:
    made = Request(method, path, {}, {}, started=1.0)
    made.info, made.descriptor = parse(method, path, {}), found
    return made


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> metrics.Requests:
    fresh = metrics.Requests()
    monkeypatch.setattr(metrics, "requests", fresh)
    return fresh


ANSWER = Response(200, [], [])
NAMED = "/clusters/root/api/v1/namespaces/default/configmaps/a"
LISTED = "/clusters/root/api/v1/namespaces/default/configmaps"
FLAVORS = "/clusters/root/apis/cloud.example.com/v1/cpuflavors"


def test_built_in_resource_has_kubernetes_labels(counted: metrics.Requests) -> None:
    counted.count(request(NAMED, descriptor()), ANSWER, 200)
    counted.count(request(LISTED, descriptor()), ANSWER, 200)
    assert set(counted.by_labels()) == {
        ("GET", "", "v1", "configmaps", "", "resource", "200"),
        ("LIST", "", "v1", "configmaps", "", "namespace", "200"),
    }


def test_tenants_resources_are_one_series_an_origin(counted: metrics.Requests) -> None:
    for number in range(50):
        found = descriptor("virtual", f"things{number}", f"group{number}.example")
        counted.count(request(FLAVORS, found), ANSWER, 200)
    assert {labels: sum(series[1:]) for labels, series in counted.by_labels().items()} == {
        ("LIST", "", "", "(virtual)", "", "cluster", "200"): 50
    }


def test_strangers_make_no_series(counted: metrics.Requests) -> None:
    for number in range(50):
        unknown = request(f"/clusters/x{number}/api/v1/things{number}", None, f"VERB{number}")
        counted.count(unknown, Response(401, [], []), 401)
    assert list(counted.by_labels()) == [("", "", "", "", "", "", "401")]


def test_watch_counts_as_a_request_without_a_duration(counted: metrics.Requests) -> None:
    async def nothing():  # type: ignore[no-untyped-def]
        yield b""

    counted.count(request(LISTED, descriptor()), Stream(200, [], nothing()), 200)
    families = {family.name: family for family in exposition.Requests().collect()}
    assert [sample.value for sample in families["apiserver_request"].samples] == [1]
    assert families["apiserver_request_duration_seconds"].samples == []


def test_durations_are_a_cumulative_histogram(
    counted: metrics.Requests, monkeypatch: pytest.MonkeyPatch
) -> None:
    moments = iter([1.0005, 1.02, 1.02, 100.0])
    monkeypatch.setattr(metrics.time, "perf_counter", lambda: next(moments))
    for _ in range(4):
        counted.count(request(NAMED, descriptor()), ANSWER, 200)
    (family,) = [each for each in exposition.Requests().collect() if each.name.endswith("seconds")]
    by_bound = {s.labels["le"]: s.value for s in family.samples if s.name.endswith("_bucket")}
    assert (by_bound["0.001"], by_bound["0.025"], by_bound["30.0"], by_bound["+Inf"]) == (1, 3, 3, 4)
    (total,) = [s.value for s in family.samples if s.name.endswith("_sum")]
    assert total == pytest.approx(0.0005 + 0.02 + 0.02 + 99)


def test_figures_can_be_parsed_and_watches_are_among_them(counted: metrics.Requests) -> None:
    from prometheus_client import CollectorRegistry, generate_latest

    registry = CollectorRegistry()
    registry.register(exposition.Watches())
    text = generate_latest(registry).decode()
    samples = {s.name: s.value for family in text_string_to_metric_families(text) for s in family.samples}
    assert samples["apiserver_longrunning_requests"] == streaming.open_count()
    assert samples["apiserver_watch_events_total"] == streaming.watch_events_total
    assert "kcpcache_slow_watchers_total" in samples


def test_collector_that_fails_does_not_hide_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exposition.collectors, "paths", [f"{__name__}.Failing", f"{__name__}.Working"])
    assert [family.name for family in exposition.Further().collect()] == ["works"]


class Failing:
    def collect(self) -> list[object]:
        raise RuntimeError("no figures")


class Working:
    def collect(self) -> list[object]:
        from prometheus_client.core import GaugeMetricFamily

        return [GaugeMetricFamily("works", "It does.", value=1)]


def measure() -> float:
    """Microseconds that counting a request costs; for people, no test asserts on it."""
    counted, one = metrics.Requests(), request(NAMED, descriptor())
    return min(timeit.repeat(lambda: counted.count(one, ANSWER, 200), number=20_000, repeat=5)) / 20_000 * 1e6


if __name__ == "__main__":
    print(f"{measure():.2f} µs a request")
