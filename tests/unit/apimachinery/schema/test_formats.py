"""Formats against strangers' text: which times Go reads, and expressions that take linear time."""

from __future__ import annotations

import time

import pytest

from kcpcache.apimachinery.schema import formats
from kcpcache.apimachinery.schema.validation import Validator

_DATE_TIME = {"type": "string", "format": "date-time"}
_UNREADABLE = [
    "2024-01-01t00:00:00Z",
    "2024-01-01T00:00:00z",
    "2024-01-01T00:00:00+99:99",
    "2024-01-01T00:00:00+24:00",
    "2024-01-01T00:00:00-01:60",
    "2024-01-01T24:00:00Z",
    "2024-01-01T00:60:00Z",
    "2024-01-01T00:00:60Z",
    "2024-01-01T00:00:00",
    "2024-01-01T00:00:00.Z",
    "2024-01-01T00:00:00,5Z",
    "2024-01-01T0:00:00Z",
    "2023-02-29T00:00:00Z",
    "2024-W01-1T00:00:00Z",
    "2024-01-01T00:00:00Z\n",
    "٢024-01-01T00:00:00Z",
    "",
]


@pytest.mark.parametrize(
    "text",
    [
        "2024-02-29T23:59:59Z",
        "2024-01-01T00:00:00+23:59",
        "2024-01-01T00:00:00.123456789-01:00",
        "0001-01-01T00:00:00Z",
    ],
)
def test_times_of_rfc_3339_are_taken(text: str) -> None:
    assert formats.is_time(text)


@pytest.mark.parametrize("text", _UNREADABLE)
def test_times_that_go_cannot_read_are_refused(text: str) -> None:
    assert not formats.is_time(text)
    assert not formats.is_micro_time(text)


@pytest.mark.parametrize(
    ("text", "is_taken"),
    [
        ("2024-01-01T00:00:00.000000Z", True),
        ("2024-01-01T00:00:00.123456+01:00", True),
        ("2024-01-01T00:00:00Z", False),
        ("2024-01-01T00:00:00.12345Z", False),
        ("2024-01-01T00:00:00.1234567Z", False),
        ("2024-01-01T00:00:00.000000z", False),
    ],
)
def test_micro_times_have_exactly_six_decimals(text: str, is_taken: bool) -> None:
    assert formats.is_micro_time(text) is is_taken


def test_only_schemas_of_built_in_kinds_are_strict_about_times() -> None:
    lenient, strict = Validator(_DATE_TIME), Validator(_DATE_TIME, go_times=True)
    for text in ("2024-01-01t00:00:00z", "2024-01-01T00:00:00+99:99"):
        assert lenient.validate(text) == []
        assert len(strict.validate(text)) == 1
    assert strict.validate("2024-01-01T00:00:00Z") == []


@pytest.mark.parametrize("text", ["2024-W01-1", "20240101ab", "2024-1-1"])
def test_other_calendars_are_no_dates(text: str) -> None:
    check = formats.check("date")
    assert check is not None
    assert not check(text)


@pytest.mark.parametrize("text", ["1ms" * 40 + "!", "1" * 200 + "x", "1 day " * 40 + "!", "1" * 1_000_000])
def test_hostile_duration_is_refused_quickly(text: str) -> None:
    check = formats.check("duration")
    assert check is not None
    started = time.process_time()
    assert not check(text)
    assert time.process_time() - started < 1


@pytest.mark.parametrize("text", ["0", "-1.5h", "1h30m", "300us", "2 days", "1 week 3 days", "1µs"])
def test_durations_of_go_and_in_words_are_taken(text: str) -> None:
    check = formats.check("duration")
    assert check is not None
    assert check(text)


def test_duration_has_a_greatest_length() -> None:
    check = formats.check("duration")
    assert check is not None
    assert check("1s" * 128)
    assert not check("1s" * 129)
