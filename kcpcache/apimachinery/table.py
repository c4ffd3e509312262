"""`Table` answers: what `kubectl get` prints, as apiextensions' table convertor makes it.

Ages change with the clock and all other cells only with the object. So `Columns.cells` gives cells that can
be kept with the object, its date columns holding the timestamp, and `Columns.rendered` turns those into
ages for one answer.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

import orjson

from kcpcache.apimachinery import duration, jsonpath
from kcpcache.apimachinery.objects import JSONObject

Getter: TypeAlias = Callable[[JSONObject], Any]
Convert: TypeAlias = Callable[[Any], Any]

API_VERSION = "meta.k8s.io/v1"

_INTEGER_LIMIT = 2**63

NAME_DESCRIPTION = (
    "Name must be unique within a namespace. Is required when creating resources, although some resources "
    "may allow a client to request the generation of an appropriate name automatically. Name is primarily "
    "intended for creation idempotence and configuration definition. Cannot be updated. More info: "
    "https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names"
)
AGE_DESCRIPTION = (
    "CreationTimestamp is a timestamp representing the server time when this object was created. It is not "
    "guaranteed to be set in happens-before order across separate operations. Clients may not set this "
    "value. It is represented in RFC3339 form and is in UTC.\n\nPopulated by the system. Read-only. Null for "
    "lists. More info: "
    "https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata"
)
AGE_COLUMN: JSONObject = {
    "name": "Age",
    "type": "date",
    "description": AGE_DESCRIPTION,
    "jsonPath": ".metadata.creationTimestamp",
}


class Columns:
    """The columns of one resource version.

    Attributes:
        definitions: `columnDefinitions` of the Table.
        date_positions: which cells are timestamps until `rendered`.
    """

    __slots__ = ("_columns", "date_positions", "definitions")

    def __init__(self, printer_columns: Iterable[JSONObject] = ()) -> None:
        """Compile printer columns (name, type, format, priority, description, jsonPath); none means Age.

        A built-in kind may compute a cell: its column carries a callable `function` in place of a jsonPath.

        Raises:
            ValueError: a jsonPath that cannot be read.
        """
        columns = list(printer_columns) or [AGE_COLUMN]
        self.definitions: list[JSONObject] = [
            _definition("Name", "string", "name", NAME_DESCRIPTION, 0),
            *(
                _definition(
                    column["name"],
                    column["type"],
                    column.get("format") or "",
                    column.get("description") or _default_description(column),
                    column.get("priority") or 0,
                )
                for column in columns
            ),
        ]
        self._columns: list[tuple[Getter, Convert]] = [
            (_getter_of(column), _CONVERT.get(column["type"], _nothing)) for column in columns
        ]
        self.date_positions: tuple[int, ...] = tuple(
            position for position, column in enumerate(columns, start=1) if column["type"] == "date"
        )

    def cells(self, obj: JSONObject) -> list[Any]:
        """The cells of an object's row, which depend on nothing else; dates are timestamps."""
        cells: list[Any] = [obj["metadata"].get("name")]
        for get, convert in self._columns:
            value = get(obj)
            cells.append(None if value is None else convert(value))
        return cells

    def rendered(self, cells: Sequence[Any], now: datetime.datetime) -> list[Any]:
        """The cells as they are sent at a time: timestamps have become ages."""
        result = list(cells)
        for position in self.date_positions:
            timestamp = result[position]
            if timestamp is not None:
                result[position] = duration.age(timestamp, now)
        return result


def _default_description(column: JSONObject) -> str:
    path = column.get("jsonPath")
    return f"Custom resource definition column (in JSONPath format): {path}" if path else str(column["name"])


def _getter_of(column: JSONObject) -> Getter:
    function: Getter | None = column.get("function")
    return function or _getter(jsonpath.compile(column["jsonPath"]))


def table(
    columns: Columns,
    objects: Iterable[JSONObject],
    include_object: str = "Metadata",
    list_meta: JSONObject | None = None,
    *,
    now: datetime.datetime | None = None,
    with_definitions: bool = True,
) -> JSONObject:
    """A Table of objects, or of the one object of a watch event.

    Args:
        columns: the resource's columns.
        objects: one row each.
        include_object: what a row carries of its object: ``None``, ``Metadata`` or ``Object``.
        list_meta: the `metadata` of the list (for a watch event: the object's resourceVersion).
        now: the time that ages are counted to, by default the clock's.
        with_definitions: False for the later events of a watch, which do not repeat the columns.
    """
    moment = now or datetime.datetime.now(datetime.UTC)
    rows = [row(columns.rendered(columns.cells(obj), moment), obj, include_object) for obj in objects]
    return {
        "kind": "Table",
        "apiVersion": API_VERSION,
        "metadata": list_meta or {},
        "columnDefinitions": columns.definitions if with_definitions else None,
        "rows": rows,
    }


def row(cells: list[Any], obj: JSONObject, include_object: str) -> JSONObject:
    """One row of a Table, with what was asked for of its object."""
    if include_object == "Object":
        return {"cells": cells, "object": obj}
    if include_object == "None":
        return {"cells": cells, "object": None}
    return {"cells": cells, "object": partial_object(obj)}


def partial_object(obj: JSONObject) -> JSONObject:
    """The `PartialObjectMetadata` of an object."""
    return {"kind": "PartialObjectMetadata", "apiVersion": API_VERSION, "metadata": obj.get("metadata") or {}}


def _definition(name: str, kind: str, form: str, description: str, priority: int) -> JSONObject:
    return {"name": name, "type": kind, "format": form, "description": description, "priority": priority}


def _getter(path: jsonpath.Path) -> Getter:
    """A function for the first value at a path (the convertor shows no others), None if there is none."""
    if path.keys is None or not path.keys:
        return path.first
    if len(path.keys) == 2:
        outer, inner = path.keys

        def get_two(obj: JSONObject) -> Any:
            value = obj.get(outer)
            return value.get(inner) if type(value) is dict else None

        return get_two
    keys = path.keys

    def get(obj: JSONObject) -> Any:
        value: Any = obj
        for key in keys:
            if type(value) is not dict:
                return None
            value = value.get(key)
        return value

    return get


def _text(value: Any) -> str:
    """A value as Go prints it: scalars plainly, maps and lists as JSON."""
    if type(value) is str:
        return value
    if type(value) is bool:
        return "true" if value else "false"
    if isinstance(value, dict | list):
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    return _float_text(value) if type(value) is float else str(value)


def _float_text(value: float) -> str:
    """Go's shortest form, which keeps plain digits up to 1e21 and drops a trailing ``.0``."""
    if value.is_integer() and abs(value) < 1e21:
        return str(int(value))
    return repr(value)


def _integer(value: Any) -> int | None:
    """A number without its fraction; none if it is larger than an integer of the API can be."""
    if type(value) not in (int, float) or not -_INTEGER_LIMIT <= value < _INTEGER_LIMIT:
        return None
    return int(value)


def _number(value: Any) -> float | None:
    return value if type(value) in (int, float) and math.isfinite(value) else None


def _boolean(value: Any) -> bool | None:
    return value if type(value) is bool else None


def _timestamp(value: Any) -> str | None:
    return value if type(value) is str else None


def _nothing(value: Any) -> None:
    return None


_CONVERT: dict[str, Convert] = {
    "string": _text,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "date": _timestamp,
}
