import time
from typing import Any

import pytest

from kcpcache.apimachinery import jsonpath

OBJ: dict[str, Any] = {
    "metadata": {"labels": {"foo.bar": "fb", "region": "eu"}},
    "spec": {"a": {"b": 1}, "list": [1, 2, 3, 4], "null": None},
    "status": {
        "conditions": [
            {"type": "Synced", "status": "False", "n": 1},
            {"type": "Ready", "status": "True", "n": 5},
        ]
    },
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (".spec.a", [{"b": 1}]),
        ("{.spec.a.b}", [1]),
        ("$.spec.a.b", [1]),
        ("spec.a.b", [1]),
        (".spec['a']['b']", [1]),
        ('.spec["a"].b', [1]),
        (r".metadata.labels.foo\.bar", ["fb"]),
        (".metadata.labels['foo.bar']", ["fb"]),
        (r".metadata.labels['foo\.bar']", ["fb"]),
        (".metadata.labels['foo.bar','region']", ["fb", "eu"]),
        (".spec.list[0]", [1]),
        (".spec.list[-1]", [4]),
        (".spec.list[9]", []),
        (".spec.list[-9]", []),
        (".spec.list[1:3]", [2, 3]),
        (".spec.list[:2]", [1, 2]),
        (".spec.list[-2:]", [3, 4]),
        (".spec.list[::2]", [1, 3]),
        (".spec.list[0,2]", [1, 3]),
        (".spec.list[*]", [1, 2, 3, 4]),
        (".spec.a.*", [1]),
        (".spec.null", [None]),
        (".spec.missing.deeper", []),
        (".spec.a.b.c", []),
        ('.status.conditions[?(@.type=="Ready")].status', ["True"]),
        (".status.conditions[?(@.type=='Ready')].status", ["True"]),
        ('.status.conditions[?( @.type == "Ready" )].status', ["True"]),
        ('.status.conditions[?(@.type!="Ready")].status', ["False"]),
        (".status.conditions[?(@.n>=2)].type", ["Ready"]),
        (".status.conditions[?(@.n<2.5)].type", ["Synced"]),
        (".status.conditions[?(@.missing)].type", []),
        (".status.conditions[?(@.n)].type", ["Synced", "Ready"]),
        (".status.conditions[?(@.n==true)].type", []),
        (".status.conditions[?(@.n!=true)].type", ["Synced", "Ready"]),
        ('.status.conditions[?(@.n>"x")].type', []),
        ("..type", ["Synced", "Ready"]),
        ("..conditions[0].type", ["Synced"]),
        (".status.conditions..n", [1, 5]),
        (".", [OBJ]),
        ("", [OBJ]),
    ],
)
def test_paths_lead_to_values(path: str, found: list[Any]) -> None:
    assert jsonpath.compile(path).find(OBJ) == found


@pytest.mark.parametrize(
    "path",
    [
        ".a[",
        ".a]",
        ".a[]",
        ".a[b]",
        ".a[1:2:0]",
        ".a[?(@.b==c)]",
        ".a[?(b)]",
        ".a['b]",
        ".a b",
        ".a[0",
        "{.a",
        ".a.",
        "....",
        "....a",
    ],
)
def test_bad_syntax_is_a_value_error(path: str) -> None:
    with pytest.raises(ValueError, match="invalid JSONPath"):
        jsonpath.compile(path)


def test_plain_paths_are_known_as_such() -> None:
    assert jsonpath.compile(r".metadata.labels.foo\.bar").keys == ("metadata", "labels", "foo.bar")
    assert jsonpath.compile(".a['b']").keys == ("a", "b")
    assert jsonpath.compile(".a[0]").keys is None
    assert jsonpath.compile("..a").keys is None
    assert jsonpath.compile(".a.*").keys is None


def nested(depth: int, width: int) -> dict[str, Any]:
    value: dict[str, Any] = {"last": 1}
    for _ in range(depth):
        value = {"a": value, **{f"k{index}": index for index in range(width)}}
    return value


@pytest.mark.parametrize("descents", [1, 3, 5, 60])
def test_descents_are_bounded_when_they_find_nothing(descents: int) -> None:
    path = jsonpath.compile("..a" * descents + "..missing")
    started = time.process_time()
    assert path.first(nested(100, 3)) is None
    assert path.find(nested(100, 3)) == []
    assert time.process_time() - started < 1


def test_first_value_is_found_without_looking_for_the_others() -> None:
    obj = {"items": list(range(10 * jsonpath.MAX_VISITS))}
    assert jsonpath.compile(".items[*]").first(obj) == 0
    assert jsonpath.compile("..items[*]").first(obj) == 0
    assert jsonpath.compile("..a..a..last").first(nested(100, 3)) == 1
    assert len(jsonpath.compile(".items[*]").find(obj)) == jsonpath.MAX_VISITS


def test_filters_share_the_bound_of_their_path() -> None:
    obj = {"items": [nested(50, 3)] * 1000}
    started = time.process_time()
    assert jsonpath.compile(".items[?(@..a..missing==1)]").first(obj) is None
    assert time.process_time() - started < 1


def test_path_of_too_many_steps_is_a_value_error() -> None:
    obj: Any = "found"
    for _ in range(jsonpath.MAX_STEPS):
        obj = [obj]
    assert jsonpath.compile("[0]" * jsonpath.MAX_STEPS).first(obj) == "found"
    assert jsonpath.compile("[*]" * jsonpath.MAX_STEPS).first(obj) == "found"
    with pytest.raises(ValueError, match="more than 128 steps"):
        jsonpath.compile("[0]" * (jsonpath.MAX_STEPS + 1))
    assert jsonpath.compile(".a" * 500).keys is not None
