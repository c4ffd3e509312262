from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from kcpcache.apimachinery import errors
from kcpcache.apimachinery.reconcile import CONTINUE, Outcome
from tests.unit.controllers.conftest import crd, on_database, settle
from workspaces import controllers, models, receivers, tasks
from workspaces.registry import client
from workspaces.store import work

pytestmark = on_database


def register(monkeypatch: pytest.MonkeyPatch, outcome: Outcome | Exception) -> list[tuple[str, str]]:
    passes: list[tuple[str, str]] = []

    def reconcile(cluster: str, name: str) -> Outcome:
        passes.append((cluster, name))
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setitem(controllers.CONTROLLERS, "probe", reconcile)
    work.note("probe", "alpha", "a")
    return passes


def row() -> models.Work:
    return models.Work.objects.get(controller="probe")


def test_due_work_is_done_and_removed(root: str, monkeypatch: pytest.MonkeyPatch) -> None:
    passes = register(monkeypatch, CONTINUE)
    assert tasks.reconcile_due() == 1
    assert passes == [("alpha", "a")]
    assert not models.Work.objects.filter(controller="probe").exists()


def test_failure_is_kept_with_its_error_and_tried_later(root: str, monkeypatch: pytest.MonkeyPatch) -> None:
    passes = register(monkeypatch, ValueError("broken"))
    tasks.reconcile_due()
    assert len(passes) == 1
    assert (row().attempts, row().error) == (1, "ValueError: broken")
    assert row().not_before > row().created


def test_conflict_is_tried_again_soon(root: str, monkeypatch: pytest.MonkeyPatch) -> None:
    passes = register(monkeypatch, errors.Conflict("somebody was faster"))
    tasks.reconcile_due()
    settle(lambda: len(passes) >= 2)


def test_run_hands_over_although_its_work_never_ends(root: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the worker would do nothing else: what comes after each pass may need what another task does."""
    hints: list[bool] = []
    passes: list[str] = []

    def reconcile(cluster: str, name: str) -> Outcome:
        passes.append(name)
        work.note("probe", cluster, name)
        return CONTINUE

    monkeypatch.setitem(controllers.CONTROLLERS, "probe", reconcile)
    monkeypatch.setattr(tasks, "_RUN_SECONDS", 0.1)
    monkeypatch.setattr(receivers, "hint", lambda **_: hints.append(True))
    work.note("probe", "alpha", "a")
    tasks.reconcile_due()
    assert len(passes) > 1
    assert hints, "nobody would go on"
    assert models.Work.objects.filter(controller="probe").exists()


def test_pass_that_wants_another_is_no_failure(root: str, monkeypatch: pytest.MonkeyPatch) -> None:
    register(monkeypatch, Outcome(retry_after_seconds=60))
    tasks.reconcile_due()
    assert (row().attempts, row().error) == (0, "")


def test_work_for_a_controller_that_is_not_there_is_kept(root: str) -> None:
    work.note("nobody", "alpha", "a")
    tasks.reconcile_due()
    assert "nobody" in models.Work.objects.get(controller="nobody").error


def test_write_of_an_ordinary_object_notes_nothing_and_costs_no_statement(root: str) -> None:
    client.create(root, "apiextensions.k8s.io", "customresourcedefinitions", crd("flavors", "Flavor"))
    settle()
    client.create(root, "cloud.example.com", "flavors", {"metadata": {"name": "warm"}})
    with CaptureQueriesContext(
        connection,
    ) as queries:
        client.create(root, "cloud.example.com", "flavors", {"metadata": {"name": "small"}})
        client.update(root, "cloud.example.com", "flavors", "small", lambda obj: {**obj, "spec": {"a": 1}})
    statements = [query["sql"] for query in queries]
    assert not [sql for sql in statements if "workspaces_work" in sql or "workspaces_index i JOIN" in sql]
