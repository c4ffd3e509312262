import datetime
import time
from typing import Any

import orjson
import pytest

from kcpcache.apimachinery import duration, table

NOW = datetime.datetime(2024, 3, 2, tzinfo=datetime.UTC)
OBJ: dict[str, Any] = {
    "apiVersion": "x.io/v1",
    "kind": "Thing",
    "metadata": {"name": "t", "creationTimestamp": "2024-03-01T20:00:00Z"},
    "spec": {"n": 3, "f": 2.0, "s": "text", "b": True, "o": {"b": 1, "a": 2}, "l": ["p", "q"], "null": None},
}


def cell(kind: str, path: str) -> Any:
    return table.Columns([{"name": "C", "type": kind, "jsonPath": path}]).cells(OBJ)[1]


@pytest.mark.parametrize(
    ("kind", "path", "wanted"),
    [
        ("string", ".spec.s", "text"),
        ("string", ".spec.n", "3"),
        ("string", ".spec.f", "2"),
        ("string", ".spec.b", "true"),
        ("string", ".spec.o", '{"a":2,"b":1}'),
        ("string", ".spec.l", '["p","q"]'),
        ("string", ".spec.l[*]", "p"),
        ("string", ".spec.null", None),
        ("string", ".spec.missing.deeper", None),
        ("string", ".spec.s.deeper", None),
        ("integer", ".spec.n", 3),
        ("integer", ".spec.f", 2),
        ("integer", ".spec.s", None),
        ("integer", ".spec.b", None),
        ("number", ".spec.f", 2.0),
        ("number", ".spec.s", None),
        ("boolean", ".spec.b", True),
        ("boolean", ".spec.s", None),
        ("date", ".spec.n", None),
        ("date", ".metadata.creationTimestamp", "2024-03-01T20:00:00Z"),
    ],
)
def test_cells_follow_the_column_type(kind: str, path: str, wanted: Any) -> None:
    found = cell(kind, path)
    assert found == wanted
    assert type(found) is type(wanted)


def test_without_columns_there_is_an_age() -> None:
    result = table.table(table.Columns(), [OBJ], "None", {"resourceVersion": "7"}, now=NOW)
    assert result["metadata"] == {"resourceVersion": "7"}
    assert [(column["name"], column["type"], column["format"]) for column in result["columnDefinitions"]] == [
        ("Name", "string", "name"),
        ("Age", "date", ""),
    ]
    assert result["rows"] == [{"cells": ["t", "4h"], "object": None}]


def test_descriptions_default_to_the_path() -> None:
    columns = table.Columns(
        [
            {"name": "A", "type": "string", "jsonPath": ".a", "priority": 1},
            {"name": "B", "type": "string", "jsonPath": ".b", "description": "bees", "format": "password"},
        ]
    )
    assert columns.definitions[1:] == [
        {
            "name": "A",
            "type": "string",
            "format": "",
            "description": "Custom resource definition column (in JSONPath format): .a",
            "priority": 1,
        },
        {"name": "B", "type": "string", "format": "password", "description": "bees", "priority": 0},
    ]


def test_rows_carry_what_was_asked_for() -> None:
    columns = table.Columns()
    (metadata_row,) = table.table(columns, [OBJ], "Metadata", now=NOW)["rows"]
    assert metadata_row["object"] == {
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": OBJ["metadata"],
    }
    (object_row,) = table.table(columns, [OBJ], "Object", now=NOW)["rows"]
    assert object_row["object"] == OBJ
    assert table.table(columns, [OBJ], with_definitions=False)["columnDefinitions"] is None


def test_kept_cells_are_rendered_at_each_request() -> None:
    columns = table.Columns()
    kept = columns.cells(OBJ)
    assert columns.date_positions == (1,)
    assert columns.rendered(kept, NOW) == ["t", "4h"]
    assert columns.rendered(kept, NOW + datetime.timedelta(days=1)) == ["t", "28h"]
    assert kept == ["t", "2024-03-01T20:00:00Z"]


def test_bad_column_path_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="invalid JSONPath"):
        table.Columns([{"name": "A", "type": "string", "jsonPath": ".a["}])


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-2, "<invalid>"),
        (-1.5, "0s"),
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (121, "2m1s"),
        (599, "9m59s"),
        (600, "10m"),
        (179 * 60, "179m"),
        (3 * 3600, "3h"),
        (3 * 3600 + 60, "3h1m"),
        (8 * 3600, "8h"),
        (47 * 3600, "47h"),
        (48 * 3600, "2d"),
        (49 * 3600, "2d1h"),
        (8 * 86400, "8d"),
        (729 * 86400, "729d"),
        (730 * 86400, "2y"),
        (731 * 86400, "2y1d"),
        (8 * 365 * 86400 + 86400, "8y"),
    ],
)
def test_durations_are_shown_as_kubectl_shows_them(seconds: float, shown: str) -> None:
    assert duration.human(seconds) == shown


@pytest.mark.parametrize(
    ("timestamp", "shown"), [(None, "<unknown>"), ("x", "<invalid>"), ("2024-03-02", "<invalid>")]
)
def test_bad_timestamps_have_no_age(timestamp: str | None, shown: str) -> None:
    assert duration.age(timestamp, NOW) == shown


@pytest.mark.parametrize(
    ("number", "integer"),
    [
        (b"1e30", None),
        (b"-1e30", None),
        (b"9223372036854775807", 2**63 - 1),
        (b"9223372036854775808", None),
        (b"18446744073709551615", None),
        (b"-9223372036854775808", -(2**63)),
        (b"2.9", 2),
    ],
)
def test_every_number_of_an_object_can_be_sent(number: bytes, integer: int | None) -> None:
    obj = orjson.loads(b'{"metadata":{"name":"a"},"n":' + number + b"}")
    kinds = ("integer", "number", "string", "boolean", "date")
    columns = table.Columns([{"name": kind, "type": kind, "jsonPath": ".n"} for kind in kinds])
    rows = table.table(columns, [obj])["rows"]
    assert orjson.loads(orjson.dumps(rows))[0]["cells"][1] == integer


@pytest.mark.parametrize("number", [float("inf"), float("-inf"), float("nan")])
def test_what_is_no_number_of_json_has_no_cell(number: float) -> None:
    columns = table.Columns(
        [{"name": kind, "type": kind, "jsonPath": ".n"} for kind in ("integer", "number")]
    )
    assert columns.cells({"metadata": {"name": "a"}, "n": number}) == ["a", None, None]


def test_column_with_many_descents_does_not_hold_up_the_table() -> None:
    value: dict[str, Any] = {}
    for _ in range(100):
        value = {"a": value, "b": 1}
    columns = table.Columns([{"name": "C", "type": "string", "jsonPath": "..a..a..a..a..missing"}])
    started = time.process_time()
    assert columns.cells({"metadata": {"name": "n"}, "spec": value}) == ["n", None]
    assert time.process_time() - started < 1
