"""Secrets are ciphertext wherever they lie."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest
from django.conf import settings
from django.db import connection, transaction

from kcpcache.apimachinery import errors
from kcpcache.apimachinery import objects as api_objects
from kcpcache.apimachinery.storage import Collection, Key, ListOptions
from tests.contract.harness import THINGS, SQLHarness, thing
from tests.contract.harness import key as key_of
from tests.contract.reading import FeedReader
from workspaces import kinds
from workspaces.store import changelog, encryption, objects, sealed, sql

pytestmark = pytest.mark.usefixtures("database")

SECRETS = Collection("alpha", "", "secrets")
KEY = Key("alpha", "", "secrets", "", "default", "token")
PASSWORD = base64.b64encode(b"open sesame").decode()


def put(password=PASSWORD, key=KEY):
    metadata = {"name": key.name, "namespace": key.namespace, "uid": "u", "labels": {"a": "b"}}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": {"password": password}}
    with objects.writing([key]) as tx:
        return tx.put(key, secret)


def stored_columns():
    with connection.cursor() as cursor:
        cursor.execute("SELECT body FROM workspaces_object")
        found = [row[0] for row in cursor.fetchall()]
        cursor.execute("SELECT body, previous FROM workspaces_change")
        return found + [column for row in cursor.fetchall() for column in row if column is not None]


def password_of(body):
    return api_objects.decode(body)["data"]["password"]


def test_no_column_holds_a_secret_in_the_clear() -> None:
    put()
    put()
    with objects.writing([KEY]) as tx:
        tx.delete(KEY)
    put()
    columns = stored_columns()
    assert len(columns) == 1 + 4 + 2
    for column in columns:
        assert column.startswith(encryption.MAGIC)
        assert PASSWORD.encode() not in column
        assert password_of(encryption.decrypt(column)) == PASSWORD


def test_the_kind_says_what_is_encrypted(monkeypatch: pytest.MonkeyPatch) -> None:
    """One home: a kind that is secret is stored as a ciphertext without anything else knowing of it."""
    monkeypatch.setattr(encryption, "_secret_resources", encryption.secret_resources())
    configmaps = ("", "configmaps")
    monkeypatch.setitem(kinds.BUILTIN, configmaps, replace(kinds.BUILTIN[configmaps], is_secret=True))
    encryption.declare(kinds.secret_resources())
    key = replace(KEY, resource="configmaps")
    with objects.writing([key]) as tx:
        tx.put(key, {"metadata": {"name": key.name, "uid": "1"}, "data": {"password": PASSWORD}})
    for column in stored_columns():
        assert column.startswith(encryption.MAGIC)
        assert PASSWORD.encode() not in column
    assert objects.get(key) is not None
    assert sealed.trial(10) == sealed.Trial(tried=1, unreadable=0)


def test_nothing_is_stored_before_the_kinds_have_said_what_is_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encryption, "_secret_resources", None)
    with pytest.raises(RuntimeError, match="which of them are secret"):
        put()
    assert stored_columns() == []


def test_readers_see_plain_bytes() -> None:
    storage = sql.SQLCollection(SECRETS)
    begin = put().record
    changed = put("bmV3").record
    assert storage.get("default", "token").body == changed.body == objects.get(KEY).body
    assert password_of(changed.body) == "bmV3"
    assert storage.list(ListOptions()).records == [changed]
    assert storage.list(ListOptions(revision=begin.revision, exact=True)).records == [begin]
    reader = FeedReader(storage.watch(ListOptions(revision=begin.revision), with_initial=False))
    (event,) = reader.until(changed.revision)
    assert (event.body, event.previous) == (changed.body, begin.body)
    reader.feed.close()


def test_secrets_and_others_share_a_transaction() -> None:
    other = Key("alpha", "", "configmaps", "", "default", "token")
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "token", "uid": "u"}, "data": {}}
    plain = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "token", "uid": "v"}, "data": {}}
    with objects.writing([KEY, other]) as tx:
        pending = [tx.put(KEY, secret), tx.put(other, plain)]
    assert pending[1].record.revision == pending[0].record.revision + 1
    assert [objects.get(KEY), objects.get(other)] == [one.record for one in pending]
    assert sorted(column.startswith(encryption.MAGIC) for column in stored_columns()) == [
        False,
        False,
        True,
        True,
    ]


def test_first_key_encrypts_and_all_decrypt(monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = (base64.urlsafe_b64encode(bytes([number]) * 32).decode() for number in (1, 2))
    monkeypatch.setattr(settings, "KCPCACHE_ENCRYPTION_KEYS", [old])
    put()
    monkeypatch.setattr(settings, "KCPCACHE_ENCRYPTION_KEYS", [new, old])
    assert password_of(objects.get(KEY).body) == PASSWORD
    put("bmV3")
    monkeypatch.setattr(settings, "KCPCACHE_ENCRYPTION_KEYS", [new])
    assert password_of(objects.get(KEY).body) == "bmV3"
    monkeypatch.setattr(settings, "KCPCACHE_ENCRYPTION_KEYS", [old])
    with pytest.raises(errors.InternalError) as caught:
        objects.get(KEY)
    assert "key that is not configured" in caught.value.message


def put_by_a_process_with_another_key(key: Key, monkeypatch: pytest.MonkeyPatch) -> int:
    """The revision of a change that this process cannot decrypt from its commit on."""
    other = base64.urlsafe_b64encode(bytes([9]) * 32).decode()
    with transaction.atomic():
        with monkeypatch.context() as patch:
            patch.setattr(settings, "KCPCACHE_ENCRYPTION_KEYS", [other, *settings.KCPCACHE_ENCRYPTION_KEYS])
            pending = put(key=key)
        return pending.record.revision


def test_secret_of_an_unknown_key_ends_only_the_watches_that_it_concerns(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begin = put().record.revision

    def watch(collection: Collection, **options: str) -> FeedReader:
        return FeedReader(
            sql.SQLCollection(collection).watch(ListOptions(revision=begin, **options), with_initial=False)
        )

    concerned = [watch(SECRETS), watch(replace(SECRETS, cluster="*")), watch(SECRETS, namespace="default")]
    others = [watch(SECRETS, namespace="elsewhere"), watch(replace(SECRETS, cluster="beta")), watch(THINGS)]
    put_by_a_process_with_another_key(replace(KEY, name="other"), monkeypatch)
    last = [
        put(key=replace(KEY, namespace="elsewhere")).record.revision,
        put(key=replace(KEY, cluster="beta")).record.revision,
        SQLHarness().put(key_of("a"), thing("a")),
    ]
    for reader, revision in zip(others, last, strict=True):
        assert [event.revision for event in reader.until(revision)] == [revision]
        assert not reader.feed.mailbox.closed_reason
    assert [reader.feed.mailbox.closed_reason for reader in concerned] == ["expired"] * 3
    for reader in [*concerned, *others]:
        reader.feed.close()


def test_reader_of_a_secret_of_an_unknown_key_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    begin = put().record.revision
    last = put_by_a_process_with_another_key(KEY, monkeypatch)
    storage = sql.SQLCollection(SECRETS)
    with pytest.raises(errors.InternalError):
        storage.watch(ListOptions(revision=begin), with_initial=False)
    with pytest.raises(errors.InternalError):
        changelog.read_after(begin, limit=10)
    batch = changelog.batch_after(begin, limit=1, skips_unreadable=True)
    assert (batch.changes, batch.unreadable, batch.reached) == ([], [KEY], last)


def test_body_that_is_not_encrypted_is_refused() -> None:
    with pytest.raises(errors.InternalError):
        encryption.decrypt(b'{"apiVersion":"v1"}')
