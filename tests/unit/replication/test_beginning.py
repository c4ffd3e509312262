"""A replica begins at once, whatever its former life left behind."""

from __future__ import annotations

import pytest

from kcpcache.apimachinery.objects import JSONObject
from replication import rows
from replication.replica import connection, lease, wake
from tests.unit.replication import provider
from tests.waiting import until
from workspaces import hints
from workspaces import tasks as controllers
from workspaces.registry import client

CRD = ("apiextensions.k8s.io", "customresourcedefinitions")


pytestmark = pytest.mark.usefixtures("cloud")


def test_crd_that_comes_back_is_filled_at_once_although_a_former_hint_was_never_followed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    provider.create_crd()
    provider.create_cachedresource()
    found: JSONObject = provider.cachedresource() or {}
    uid = found["metadata"]["uid"]
    source = rows.find(uid)
    assert source is not None
    client.delete(provider.CLOUD, *CRD, f"cpuflavors.{provider.GROUP}")
    provider.work_off()
    assert rows.find(uid) is None
    lease.mark(connection.client(), source.family)  # a late hint of the former objects' deletion
    sent: list[hints.Hint] = []
    monkeypatch.setattr(hints, "_publisher", hints.Publisher(sent.append))
    client.create(provider.CLOUD, *CRD, provider.crd())
    controllers.reconcile_due()
    until(lambda: (wake.SYNC_TASK, (uid,)) in [(hint.task, hint.args) for hint in sent])
