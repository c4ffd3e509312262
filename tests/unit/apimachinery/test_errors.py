"""How much an error tells, however much is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from kcpcache.apimachinery import errors, field
from kcpcache.apimachinery.apply import conflicts
from kcpcache.apimachinery.apply.managers import Entry
from kcpcache.apimachinery.errors import Cause

MOST_BYTES = 1024 * 1024


def test_few_causes_are_told_as_they_are() -> None:
    causes = [Cause(f"spec.a{number}", "FieldValueRequired", "Required value") for number in range(3)]
    status = errors.invalid("g", "Kind", "n", causes).status()
    assert status["message"] == (
        'Kind.g "n" is invalid: [spec.a0: Required value, spec.a1: Required value, spec.a2: Required value]'
    )
    assert [entry["field"] for entry in status["details"]["causes"]] == ["spec.a0", "spec.a1", "spec.a2"]


def test_of_many_causes_the_first_are_told_and_that_there_are_more() -> None:
    taken = 0

    def endless() -> Iterator[Cause]:
        nonlocal taken
        while True:
            taken += 1
            yield Cause("spec", "FieldValueInvalid", f"number {taken}")

    error = errors.invalid("", "Kind", "n", endless())
    assert taken == errors.MAX_CAUSES + 1
    assert len(error.causes) == errors.MAX_CAUSES + 1
    assert error.causes[-1].message == errors.MORE
    assert error.message.endswith(f"number {errors.MAX_CAUSES}, {errors.MORE}]")


def test_large_causes_are_cut_and_their_sum_is_bounded() -> None:
    causes = [Cause("spec." + "f" * 10**6, "FieldValueInvalid", "\x00" * 10**6)] * 50
    error = errors.invalid("", "Kind", "n", causes)
    assert len(orjson.dumps(error.status())) <= MOST_BYTES
    assert error.causes[-1].message == errors.MORE
    assert error.causes[0].message.endswith("...")


def test_any_message_is_bounded() -> None:
    assert len(errors.BadRequest("x" * 10**8).message) <= errors.MAX_MESSAGE_CHARS + 3


def test_values_and_enumerations_are_shown_as_far_as_there_is_room() -> None:
    cause = field.not_supported("spec", {"a": "x" * 10**6}, [f"value{number}" for number in range(10**5)])
    assert len(cause.message) <= 3 * field.MAX_SHOWN_CHARS
    assert cause.message.endswith(", ...")
    assert field.not_supported("spec", "c", ["b", "a"]).message == (
        'Unsupported value: "c": supported values: "a", "b"'
    )
    assert field.shown("é" * 10**6).endswith("é...")


def test_conflicts_are_counted_and_the_first_are_told() -> None:
    fields: dict[str, Any] = {f"f:field{number:05}": {} for number in range(20_000)}
    entry = Entry("m", "Apply", "v1", "", "", fields)
    error = conflicts.error([(entry, fields)])
    assert error.message.startswith("Apply failed with 20000 conflicts: ")
    assert error.message.endswith(f"and {20_000 - errors.MAX_CAUSES} more")
    assert error.causes[0].field == ".field00000"
    assert len(error.causes) == errors.MAX_CAUSES + 1
