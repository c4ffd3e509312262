from __future__ import annotations

import pytest

from kcpcache.apimachinery import errors
from kcpcache.apiserver import negotiation
from kcpcache.apiserver.exchange import Request
from kcpcache.apiserver.negotiation import Accepted


@pytest.mark.parametrize(
    "header",
    [
        "", "*/*", "application/*", "application/json", "application/vnd.kubernetes.protobuf,application/json",
        "application/cbor, application/json;q=0.9", "text/html,*/*;q=0.1", "application/json;charset=utf-8",
    ],
)  # fmt: skip
def test_json_is_what_most_clients_get(header: str) -> None:
    assert negotiation.accept(header, negotiation.OBJECT) == Accepted()


def test_table_is_served_in_the_first_version_asked_for() -> None:
    table = "application/json;as=Table;g=meta.k8s.io;v="
    header = f"{table}v1,{table}v1beta1,application/json"
    accepted = negotiation.accept(header, negotiation.LIST)
    assert (accepted.form, accepted.form_api_version) == ("Table", "meta.k8s.io/v1")


def test_unknown_form_falls_back_to_the_next_clause() -> None:
    header = "application/json;as=Table;v=v9;g=meta.k8s.io,application/json"
    assert negotiation.accept(header, negotiation.LIST).form == ""


def test_quality_orders_the_clauses() -> None:
    header = "application/json;q=0.1,application/yaml;q=0.9"
    assert negotiation.accept(header, negotiation.OBJECT).media == negotiation.YAML


@pytest.mark.parametrize(
    "header", ["text/html", "application/vnd.kubernetes.protobuf", "application/json;q=0"]
)
def test_nothing_acceptable_is_406(header: str) -> None:
    with pytest.raises(errors.NotAcceptable):
        negotiation.accept(header, negotiation.OBJECT)


def test_watch_is_not_served_as_yaml() -> None:
    with pytest.raises(errors.NotAcceptable):
        negotiation.accept("application/yaml", negotiation.WATCH)


def test_aggregated_discovery_names_itself_in_the_content_type() -> None:
    header = "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json"
    accepted = negotiation.accept(header, negotiation.DISCOVERY)
    assert (
        accepted.content_type == "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList"
    )


@pytest.mark.parametrize(
    ("query", "agent", "is_pretty"),
    [
        ({}, "kubectl/v1.36", False), ({}, "curl/8.0", True), ({"pretty": ["false"]}, "curl/8.0", False),
        ({"pretty": ["1"]}, "", True), ({"pretty": [""]}, "", True), ({"pretty": ["0"]}, "", False),
    ],
)  # fmt: skip
def test_pretty_is_for_those_who_ask_and_for_terminals(
    query: dict[str, list[str]], agent: str, is_pretty: bool
) -> None:
    request = Request("GET", "/", query, {"user-agent": agent})
    assert negotiation.wants_pretty(request) is is_pretty


@pytest.mark.parametrize(
    ("header", "wanted"),
    [("gzip", True), ("deflate, gzip;q=0.5", True), ("gzip;q=0", False), ("br", False), ("", False)],
)
def test_gzip_is_for_those_who_accept_it(header: str, wanted: bool) -> None:
    assert negotiation.wants_gzip({"accept-encoding": header}) is wanted


def test_unknown_body_type_is_415_and_names_what_is_read() -> None:
    with pytest.raises(errors.UnsupportedMediaType, match="accepted media types include: application/json"):
        negotiation.body_media({"content-type": "text/plain"}, [negotiation.JSON])
