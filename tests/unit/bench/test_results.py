"""Outcomes as JSON."""

from __future__ import annotations

import json

import pytest

from bench import results
from tests.unit.bench import made


def test_an_outcome_survives_json() -> None:
    outcome = made.outcome()
    assert results.from_json(json.loads(json.dumps(results.to_json(outcome)))) == outcome


def test_a_result_without_a_floor_survives_json() -> None:
    outcome = made.outcome()
    bare = results.Result("P12", "at rest", {}, outcome.results[0].figures, "")
    outcome.results[:] = [bare]
    assert results.from_json(json.loads(json.dumps(results.to_json(outcome)))).results == [bare]


def test_another_document_is_refused() -> None:
    with pytest.raises((KeyError, TypeError)):
        results.from_json({"results": []})


def test_the_same_case_at_another_size_is_another_key() -> None:
    assert made.result(objects=1000).key != made.result(objects=10_000).key
    assert made.result(rate=1.0).key == made.result(rate=2.0).key
