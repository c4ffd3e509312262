"""backup and restore: everything comes back, and nobody is served another history silently."""

from __future__ import annotations

import base64
import gzip
import io
import json
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.test import override_settings

from kcpcache.apimachinery import errors
from replication.management import archive, seal
from replication.replica import connection, presence
from tests.contract import databases
from tests.unit.replication import provider
from tests.unit.replication.provider import ALICE, CLOUD, GROUP
from workspaces import tokens
from workspaces.registry import client
from workspaces.store import changelog, revisions

pytestmark = pytest.mark.usefixtures("published")


@pytest.fixture(autouse=True)
def _no_worker(published: None) -> None:
    presence.withdraw(connection.client(), "celery@test", 1)


def run(*arguments: str) -> dict:  # type: ignore[type-arg]
    output = io.StringIO()
    call_command(*arguments, "--output", "json", stdout=output, stderr=io.StringIO())
    return json.loads(output.getvalue())


def lines_of(path: Path) -> list[bytes]:
    """The lines of a backup, its seal taken off."""
    return gzip.decompress(path.read_bytes()[: -seal.LENGTH]).splitlines(keepends=True)


def put_together(path: Path, lines: list[bytes], key: str = "") -> None:
    """Write a backup of other lines, sealed by somebody's key, or with the seal that was there."""
    former = path.read_bytes()[-seal.LENGTH :]
    content = gzip.compress(b"".join(lines))
    if not key:
        path.write_bytes(content + former)
        return
    with path.open("wb") as raw:
        sealing = seal.Writer(raw, key)
        sealing.write(content)
        sealing.seal()


def with_another_token(lines: list[bytes]) -> list[bytes]:
    """The same backup with one more token of the administrator."""
    start = next(number for number, line in enumerate(lines) if b'"workspaces.Token"' in line)
    columns = json.loads(lines[start])["columns"]
    user = get_user_model().objects.get(username="kcp-admin").pk
    values = {"digest": tokens.digest("forged"), "user_id": user, "description": "", "expires": None}
    row = [values.get(column, "2025-01-01T00:00:00+00:00") for column in columns]
    *before, end = [*lines[: start + 1], json.dumps(row).encode() + b"\n", *lines[start + 1 :]]
    return [*before, json.dumps({"end": json.loads(end)["end"] + 1}).encode() + b"\n"]


def flavours() -> list[str]:
    return [obj["metadata"]["name"] for obj in client.list(CLOUD, GROUP, "cpuflavors")]


def test_everything_comes_back_at_a_revision_above_all_others(tmp_path: Path) -> None:
    token = tokens.create("alice", ["devs"], None)
    secret = client.get(CLOUD, "", "secrets", "cpuflavors-v1", "kcp-system")
    run("backup", str(tmp_path / "b"))
    provider.create_flavors("later")
    client.delete(CLOUD, GROUP, "cpuflavors", "cpu-1")
    seen = revisions.newest().value
    restored = run("restore", str(tmp_path / "b"))
    assert flavours() == ["cpu-1", "cpu-2"]
    assert client.get(CLOUD, "", "secrets", "cpuflavors-v1", "kcp-system") == secret
    assert tokens.find(token) is not None
    now = revisions.newest()
    assert now.value == restored["summary"]["revision"] > seen
    with pytest.raises(errors.Expired):
        changelog.check(seen)


def test_replicas_are_dropped_and_filled_again(tmp_path: Path) -> None:
    run("backup", str(tmp_path / "b"))
    provider.create_flavors("later")
    provider.work_off()
    assert run("restore", str(tmp_path / "b"))["replicas_dropped"] is True
    assert connection.client().keys("kcpcache:{*") == []
    provider.work_off()
    (source,) = provider.rows.all_sources()
    assert int(connection.client().hget(source.family.meta, "count")) == 2


def test_writes_go_on_after_a_restore(tmp_path: Path) -> None:
    run("backup", str(tmp_path / "b"))
    run("restore", str(tmp_path / "b"))
    provider.create_flavors("after")
    provider.bind(provider.BOB)
    assert "after" in flavours()
    assert tokens.create("new", ["group"], None)


def test_backup_moves_to_another_database(tmp_path: Path, postgres_url: str) -> None:
    run("backup", str(tmp_path / "b"))
    bodies = client.list(CLOUD, GROUP, "cpuflavors")
    with databases.migrated(postgres_url):
        run("restore", str(tmp_path / "b"))
        assert client.list(CLOUD, GROUP, "cpuflavors") == bodies
        assert tokens.create("after", ["group"], None)
        run("backup", str(tmp_path / "back"))
    run("restore", str(tmp_path / "back"))
    assert client.list(CLOUD, GROUP, "cpuflavors") == bodies
    assert client.get(ALICE, "apis.kcp.io", "apibindings", "compute") is not None


def test_file_is_private_and_has_no_key(tmp_path: Path) -> None:
    run("backup", str(tmp_path / "b"))
    assert (tmp_path / "b").stat().st_mode & 0o777 == 0o600
    content = b"".join(lines_of(tmp_path / "b")).decode()
    for key in settings.KCPCACHE_ENCRYPTION_KEYS:
        assert key not in content
    secret = client.get(CLOUD, "", "secrets", "cpuflavors-v1", "kcp-system")
    assert secret is not None
    assert secret["data"]["key"] not in content


def test_existing_file_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "b").write_text("mine")
    with pytest.raises(CommandError, match="exists already"):
        run("backup", str(tmp_path / "b"))
    assert (tmp_path / "b").read_text() == "mine"


@pytest.mark.parametrize("damage", ["cut", "cut inside", "byte", "other", "empty", "missing"])
def test_damaged_file_is_refused_and_nothing_changes(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "b"
    run("backup", str(path))
    lines = lines_of(path)
    if damage == "cut":
        put_together(path, lines[:-5], settings.KCPCACHE_ENCRYPTION_KEYS[0])
    elif damage == "byte":
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    elif damage == "cut inside":
        path.write_bytes(path.read_bytes()[:-20])
    elif damage == "other":
        put_together(path, [b'{"format": "other"}\n'], settings.KCPCACHE_ENCRYPTION_KEYS[0])
    elif damage == "empty":
        path.write_bytes(b"")
    else:
        path.unlink()
    before = revisions.newest()
    with pytest.raises(CommandError):
        run("restore", str(path))
    assert revisions.newest() == before
    assert flavours() == ["cpu-1", "cpu-2"]


def test_backup_of_other_keys_is_refused(tmp_path: Path) -> None:
    run("backup", str(tmp_path / "b"))
    with (
        override_settings(KCPCACHE_ENCRYPTION_KEYS=["A" * 43 + "="]),
        pytest.raises(CommandError, match="KCPCACHE_ENCRYPTION_KEYS"),
    ):
        run("restore", str(tmp_path / "b"))


KEYS = [base64.urlsafe_b64encode(bytes([number]) * 32).decode() for number in range(3)]


def rotated(tmp_path: Path) -> Path:
    """A backup of a store whose key was changed: all Secrets but the newest are still under the old one."""
    with override_settings(KCPCACHE_ENCRYPTION_KEYS=[KEYS[0], *settings.KCPCACHE_ENCRYPTION_KEYS]):
        secret = {"metadata": {"name": "newest"}, "stringData": {"a": "b"}}
        client.create(CLOUD, "", "secrets", secret, "default")
        run("backup", str(tmp_path / "b"))
    return tmp_path / "b"


@pytest.mark.parametrize("arguments", [[], ["--check"]])
def test_backup_in_the_middle_of_a_rotation_needs_both_keys(tmp_path: Path, arguments: list[str]) -> None:
    path = rotated(tmp_path)
    before = revisions.newest()
    former = settings.KCPCACHE_ENCRYPTION_KEYS
    for keys, refusal in (
        ([KEYS[0]], "[1-9] of [0-9]+ Secrets .* KCPCACHE_ENCRYPTION_KEYS"),
        (former, f"sealed with the encryption key {seal.fingerprint(KEYS[0])}, .* KCPCACHE_ENCRYPTION_KEYS"),
    ):
        with override_settings(KCPCACHE_ENCRYPTION_KEYS=keys), pytest.raises(CommandError, match=refusal):
            run("restore", str(path), *arguments)
    assert revisions.newest() == before
    for keys in ([KEYS[0], *former], [*former, KEYS[0]]):
        with override_settings(KCPCACHE_ENCRYPTION_KEYS=keys):
            run("restore", str(path), *arguments)


def test_key_that_no_secret_needs_any_more_may_be_gone(tmp_path: Path) -> None:
    with override_settings(KCPCACHE_ENCRYPTION_KEYS=[*settings.KCPCACHE_ENCRYPTION_KEYS, KEYS[1]]):
        run("backup", str(tmp_path / "b"))
    run("restore", str(tmp_path / "b"))
    assert client.get(CLOUD, "", "secrets", "cpuflavors-v1", "kcp-system") is not None


def test_refusal_names_the_keys_that_are_missing(tmp_path: Path) -> None:
    path = rotated(tmp_path)
    (former,) = archive.fingerprints()
    with (
        override_settings(KCPCACHE_ENCRYPTION_KEYS=[KEYS[0]]),
        pytest.raises(CommandError, match=rf"\(fingerprints {former}; here "),
    ):
        run("restore", str(path))


@pytest.mark.parametrize("sealed_by", ["", KEYS[2]])
@pytest.mark.parametrize("arguments", [[], ["--check"], ["--unauthenticated"]])
def test_backup_with_an_added_token_is_refused(tmp_path: Path, sealed_by: str, arguments: list[str]) -> None:
    path = tmp_path / "b"
    tokens.create("kcp-admin", [], None)
    run("backup", str(path))
    before = revisions.newest()
    put_together(path, with_another_token(lines_of(path)), sealed_by)
    with pytest.raises(CommandError, match=r"its seal does not hold|which is not here"):
        run("restore", str(path), *arguments)
    assert revisions.newest() == before
    assert tokens.find("forged") is None


def test_added_token_would_let_somebody_in_if_the_seal_were_good(tmp_path: Path) -> None:
    """Or else the test above would prove nothing."""
    path = tmp_path / "b"
    tokens.create("kcp-admin", [], None)
    run("backup", str(path))
    put_together(path, with_another_token(lines_of(path)), settings.KCPCACHE_ENCRYPTION_KEYS[0])
    run("restore", str(path))
    assert tokens.find("forged") is not None


def test_backup_that_is_changed_after_it_was_examined_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "b"
    run("backup", str(path))
    provider.create_flavors("later")
    before = revisions.newest()
    header = archive.examine(path)
    lines = lines_of(path)
    put_together(path, [line.replace(b"cpu-1", b"cpu-9") for line in lines])
    with pytest.raises(archive.Unusable, match="its seal does not hold"):
        archive.restore(path, header, lambda *_: None)
    assert revisions.newest() == before
    assert "later" in flavours()


def test_backup_of_an_earlier_release_needs_the_explicit_flag(tmp_path: Path) -> None:
    path = tmp_path / "b"
    run("backup", str(path))
    header, *rest = lines_of(path)
    former = {key: value for key, value in json.loads(header).items() if key != "accounts"}
    former["format"] = archive.UNSEALED_FORMAT
    path.write_bytes(gzip.compress(json.dumps(former).encode() + b"\n" + b"".join(rest)))
    with pytest.raises(CommandError, match=r"has no seal.* --unauthenticated"):
        run("restore", str(path))
    run("restore", str(path), "--unauthenticated")
    assert flavours() == ["cpu-1", "cpu-2"]


def test_seal_that_was_cut_off_is_not_taken_for_an_earlier_release(tmp_path: Path) -> None:
    path = tmp_path / "b"
    run("backup", str(path))
    path.write_bytes(path.read_bytes()[: -seal.LENGTH])
    with pytest.raises(CommandError, match="not a backup of this kind"):
        run("restore", str(path), "--unauthenticated")


@pytest.mark.parametrize("side", ["backup", "restore"])
def test_without_accounts_those_that_are_here_stay(tmp_path: Path, side: str) -> None:
    former = tokens.create("former", ["former-group"], None)
    with_flag = lambda command: ["--without-accounts"] if command == side else []  # noqa: E731
    run("backup", str(tmp_path / "b"), *with_flag("backup"))
    tokens.revoke(tokens.digest(former))
    here = tokens.create("here", ["group"], None)
    client.delete(CLOUD, GROUP, "cpuflavors", "cpu-1")
    run("restore", str(tmp_path / "b"), *with_flag("restore"))
    assert flavours() == ["cpu-1", "cpu-2"]
    assert tokens.find(former) is None
    found = tokens.find(here)
    assert found is not None
    assert tokens.groups_of("here") == ["group"]
    assert (b'"workspaces.Token"' in b"".join(lines_of(tmp_path / "b"))) is (side == "restore")


def test_backup_of_another_release_is_refused(tmp_path: Path) -> None:
    run("backup", str(tmp_path / "b"))
    header, *rest = lines_of(tmp_path / "b")
    changed = {**json.loads(header), "migrations": ["workspaces.0001_initial"]}
    lines = [json.dumps(changed).encode() + b"\n", *rest]
    put_together(tmp_path / "b", lines, settings.KCPCACHE_ENCRYPTION_KEYS[0])
    with pytest.raises(CommandError, match="another release"):
        run("restore", str(tmp_path / "b"))


def test_restore_waits_for_workers_to_stop(tmp_path: Path) -> None:
    from tests.unit.insight import installation

    run("backup", str(tmp_path / "b"))
    installation.worker_at_work()
    with pytest.raises(CommandError, match="--online"):
        run("restore", str(tmp_path / "b"))
    assert run("restore", str(tmp_path / "b"), "--online")["replicas_dropped"] is True


def test_check_changes_nothing(tmp_path: Path) -> None:
    run("backup", str(tmp_path / "b"))
    before = revisions.newest()
    assert run("restore", str(tmp_path / "b"), "--check")["format"] == archive.FORMAT
    assert revisions.newest() == before
