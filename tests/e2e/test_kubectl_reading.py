"""What kubectl reads of a workspace's own objects, in every form it prints."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.e2e import catalogue
from tests.e2e.catalogue import FLAVOURS, Workspace, flavour
from tests.servers import Server
from tests.waiting import until

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def cloud(server: Server) -> Workspace:
    """Flavours cpu-1, cpu-2, cpu-3, and two that are labelled."""
    made = catalogue.with_flavours(server, "reading")
    made.create(FLAVOURS, flavour("gold-b", 16, tier="gold"))
    made.create(FLAVOURS, flavour("gold-a", 8, tier="gold"))
    return made


ALL = ["cpu-1", "cpu-2", "cpu-3", "gold-a", "gold-b"]


def first_column(text: str) -> list[str]:
    return [line.split()[0] for line in text.splitlines()]


def test_get_prints_the_columns_of_the_crd(cloud: Workspace) -> None:
    header, first, *_ = cloud.kubectl("get", "cpuflavors").splitlines()
    assert header.split() == ["NAME", "CORES", "THREADS", "BASE", "AGE"]
    assert first.split()[:3] == ["cpu-1", "1", "2"]


def test_wide_adds_the_columns_of_lower_priority(cloud: Workspace) -> None:
    header = cloud.kubectl("get", "cpuflavors", "-o", "wide").splitlines()[0]
    assert header.split() == ["NAME", "CORES", "THREADS", "BASE", "BOOST", "AGE"]


@pytest.mark.parametrize(
    "name", ["cpuflavors", "cpuflavor", "cpuf", "cpuflavors.v1.cloud.example.com", "flavors"]
)
def test_resource_is_found_by_each_of_its_names(cloud: Workspace, name: str) -> None:
    assert len(cloud.kubectl("get", name, "--no-headers", "-o", "name").splitlines()) == len(ALL)


def test_json_and_yaml_hold_the_whole_object(cloud: Workspace) -> None:
    as_json = json.loads(cloud.kubectl("get", "cpuflavor", "cpu-2", "-o", "json"))
    as_yaml = yaml.safe_load(cloud.kubectl("get", "cpuflavor", "cpu-2", "-o", "yaml"))
    assert as_json["spec"] == as_yaml["spec"] == {"cores": 2, "threads": 4, "architecture": "amd64"}
    assert as_json["metadata"]["uid"] == as_yaml["metadata"]["uid"]
    assert as_json["metadata"]["generation"] == 1


def test_list_as_json_is_a_list_of_objects_with_their_kind(cloud: Workspace) -> None:
    listed = json.loads(cloud.kubectl("get", "cpuflavors", "-o", "json"))
    assert listed["kind"] == "List"
    assert {(item["apiVersion"], item["kind"]) for item in listed["items"]} == {
        ("cloud.example.com/v1", "CPUFlavor")
    }


def test_name_jsonpath_and_custom_columns(cloud: Workspace) -> None:
    assert cloud.kubectl("get", "cpuf", "cpu-1", "-o", "name") == "cpuflavor.cloud.example.com/cpu-1\n"
    assert cloud.kubectl("get", "cpuf", "-o", "jsonpath={.items[*].metadata.name}").split() == ALL
    columns = cloud.kubectl("get", "cpuf", "cpu-3", "-o", "custom-columns=N:.metadata.name,C:.spec.cores")
    assert [line.split() for line in columns.splitlines()] == [["N", "C"], ["cpu-3", "3"]]


def test_label_selectors_of_every_form(cloud: Workspace) -> None:
    def selected(selector: str) -> list[str]:
        return first_column(cloud.kubectl("get", "cpuflavors", "-l", selector, "--no-headers"))

    assert selected("tier=gold") == ["gold-a", "gold-b"]
    assert selected("tier in (gold,silver)") == ["gold-a", "gold-b"]
    assert selected("tier") == ["gold-a", "gold-b"]
    assert (
        selected("!tier")
        == selected("tier!=gold")
        == selected("tier notin (gold)")
        == ["cpu-1", "cpu-2", "cpu-3"]
    )


def test_field_selector_by_name(cloud: Workspace) -> None:
    output = cloud.kubectl("get", "cpuflavors", "--field-selector", "metadata.name=cpu-2", "--no-headers")
    assert first_column(output) == ["cpu-2"]


def test_unknown_field_selector_is_refused(cloud: Workspace) -> None:
    assert "field label not supported" in cloud.kubectl(
        "get", "cpuflavors", "--field-selector", "spec.cores=2", check=False
    )


def test_chunks_add_up_to_the_whole_list(cloud: Workspace) -> None:
    assert first_column(cloud.kubectl("get", "cpuflavors", "--chunk-size", "2", "--no-headers")) == ALL


def test_sort_by_a_field(cloud: Workspace) -> None:
    output = cloud.kubectl("get", "cpuflavors", "--sort-by", "{.spec.cores}", "--no-headers")
    assert first_column(output) == ["cpu-1", "cpu-2", "cpu-3", "gold-a", "gold-b"]
    reverse = cloud.kubectl("get", "cpuflavors", "--sort-by", ".metadata.name", "--no-headers")
    assert first_column(reverse) == ALL


def test_show_labels(cloud: Workspace) -> None:
    assert "tier=gold" in cloud.kubectl("get", "cpuflavor", "gold-a", "--show-labels")


def test_describe_shows_metadata_and_spec(cloud: Workspace) -> None:
    output = cloud.kubectl("describe", "cpuflavor", "gold-a")
    for line in ("Name:         gold-a", "Kind:         CPUFlavor", "Cores:         8", "tier=gold"):
        assert line in output


def test_missing_object_is_not_found(cloud: Workspace) -> None:
    output = cloud.kubectl("get", "cpuflavor", "cpu-9", check=False)
    assert 'Error from server (NotFound): cpuflavors.cloud.example.com "cpu-9" not found' in output


def test_unknown_resource_is_named(cloud: Workspace) -> None:
    assert 'the server doesn\'t have a resource type "gadgets"' in cloud.kubectl(
        "get", "gadgets", check=False
    )


def test_watch_shows_the_present_then_every_change(cloud: Workspace, tmp_path: Path) -> None:
    output = tmp_path / "watch"
    with cloud.server.kubectl_running(
        "get", "cpuflavors", "-w", "--output-watch-events", output=output, workspace=cloud.path
    ):

        def lines() -> list[list[str]]:
            return [line.split()[:3] for line in output.read_text().splitlines()[1:]]

        until(lambda: len(lines()) >= len(ALL), what="the present state")
        cloud.create(FLAVOURS, flavour("watched", 4))
        cloud.merge(f"{FLAVOURS}/watched", {"spec": {"cores": 5}})
        cloud.delete(f"{FLAVOURS}/watched")
        until(lambda: ["DELETED", "watched", "5"] in lines(), what="DELETED")
        assert [line for line in lines() if line[1] == "watched"] == [
            ["ADDED", "watched", "4"],
            ["MODIFIED", "watched", "5"],
            ["DELETED", "watched", "5"],
        ]


def test_wait_for_a_field_and_for_a_deletion(cloud: Workspace) -> None:
    cloud.create(FLAVOURS, flavour("waited", 4))
    assert "condition met" in cloud.kubectl(
        "wait", "--for=jsonpath={.spec.cores}=4", "cpuflavor/waited", "--timeout=10s"
    )
    cloud.delete(f"{FLAVOURS}/waited")
    cloud.kubectl("wait", "--for=delete", "cpuflavor/waited", "--timeout=10s")
