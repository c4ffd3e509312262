"""What people may ask for: each is noted for a worker, or only reads."""

from __future__ import annotations

from replication import rows
from replication.replica import connection, meta
from tests.unit.replication import provider
from tests.unit.rest.conftest import Caller
from workspaces.store import work


def _tamper(uid: str, name: str) -> None:
    source = rows.find(uid)
    assert source is not None
    present = meta.read(connection.client(), source.family)
    assert present is not None
    connection.client().hset(
        source.family.objects(present.epoch), name, b'{"metadata":{"annotations":{"kcp.io/cluster":"\0"}}}'
    )


def test_verify_finds_what_was_tampered_with_and_repair_fills_anew(admin: Caller) -> None:
    (found,) = admin.results("/api/cachedresources", name="cpuflavors-v1")
    uid = found["uid"]
    _tamper(uid, "cpu-small")
    verdict = admin.post(f"/api/cachedresources/{uid}/verify").json()
    assert not verdict["is_equal"]
    assert any("cpu-small" in difference for difference in verdict["differences"])
    assert admin.post(f"/api/cachedresources/{uid}/repair").status_code == 202
    provider.work_off()
    assert admin.post(f"/api/cachedresources/{uid}/verify").json()["is_equal"]


def test_resync_notes_work_and_moves_the_replica_to_the_newest_revision(admin: Caller) -> None:
    (found,) = admin.results("/api/cachedresources", name="cpuflavors-v1")
    response = admin.post(f"/api/cachedresources/{found['uid']}/resync")
    assert response.status_code == 202
    assert ("cachedresource", provider.CLOUD, "cpuflavors-v1") in [
        (item.controller, item.cluster, item.name) for item in work.due(10)
    ]
    provider.work_off()
    (after,) = admin.results("/api/cachedresources", name="cpuflavors-v1")
    assert after["revision"] >= found["revision"]


def test_action_on_what_is_not_there_is_not_found(admin: Caller) -> None:
    for action in ("resync", "verify", "repair"):
        assert admin.post(f"/api/cachedresources/absent/{action}").status_code == 404
