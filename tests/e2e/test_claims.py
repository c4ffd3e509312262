"""What a provider sees of its consumers' own objects, where they accept its claims."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e import catalogue
from tests.e2e.catalogue import BINDINGS, EXPORT, EXPORTS, Workspace
from tests.servers import Server
from tests.waiting import until

pytestmark = pytest.mark.e2e

CONFIGMAPS = "/api/v1/namespaces/default/configmaps"
CLAIM = {"group": "", "resource": "configmaps", "verbs": ["get", "list", "watch"]}


def configmap(name: str, tier: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": {"tier": tier}}}


def accept(consumer: Workspace, selector: dict[str, Any]) -> None:
    granted = {**CLAIM, "selector": selector, "state": "Accepted"}
    consumer.merge(f"{BINDINGS}/compute", {"spec": {"permissionClaims": [granted]}})
    consumer.until_condition(f"{BINDINGS}/compute", "PermissionClaimsApplied")


def test_watch_over_all_consumers_follows_claimed_objects_and_ends_when_a_claim_is_withdrawn(
    server: Server,
) -> None:
    provider = catalogue.publish(server, "claiming", count=1)
    provider.workspace.merge(f"{EXPORTS}/{EXPORT}", {"spec": {"permissionClaims": [CLAIM]}})
    alice, bob, carol = (provider.consumer() for _ in range(3))
    accept(alice, {"matchAll": True})
    accept(bob, {"matchLabels": {"tier": "gold"}})
    url = f"/services/apiexport/{provider.workspace.path}/{EXPORT}/clusters/*/api/v1/configmaps"
    with alice.api.watch(url) as events:
        for consumer, name in ((carol, "hers"), (bob, "iron"), (alice, "first")):
            consumer.create(CONFIGMAPS, configmap(name, "iron"))
        events.wait_for("ADDED", "first")
        bob.merge(f"{CONFIGMAPS}/iron", {"metadata": {"labels": {"tier": "gold"}}})
        events.wait_for("ADDED", "iron")
        bob.merge(f"{CONFIGMAPS}/iron", {"metadata": {"labels": {"tier": "iron"}}})
        events.wait_for("DELETED", "iron")
        assert "hers" not in {name for _, name in events.seen()}
        bob.merge(f"{BINDINGS}/compute", {"spec": {"permissionClaims": []}})
        until(lambda: events.ended, what="the watch to end")
