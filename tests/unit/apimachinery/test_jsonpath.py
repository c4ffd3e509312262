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
