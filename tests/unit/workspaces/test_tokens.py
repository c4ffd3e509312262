"""Bearer tokens, hashed at rest."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from workspaces import tokens, tokenuse
from workspaces.backend import Backend
from workspaces.models import Token

pytestmark = pytest.mark.django_db


def test_a_token_is_found_with_its_user_and_groups() -> None:
    token = tokens.create("alice", ["team-a", "team-b"], None)
    found = tokens.find(token)
    assert found is not None
    assert found.user.get_username() == "alice"
    assert sorted(found.user.groups.values_list("name", flat=True)) == ["team-a", "team-b"]


def test_the_plain_token_is_not_stored() -> None:
    token = tokens.create("alice", [], None, description="laptop")
    (row,) = Token.objects.values_list()
    assert token not in str(row)
    assert len(token) > 40


def test_another_token_is_not_found() -> None:
    token = tokens.create("alice", [], None)
    assert tokens.find(token + "x") is None
    assert tokens.find("") is None


def test_an_expired_token_is_not_found() -> None:
    now = timezone.now()
    assert tokens.find(tokens.create("alice", [], now + datetime.timedelta(hours=1))) is not None
    assert tokens.find(tokens.create("alice", [], now)) is None


def test_a_token_of_an_inactive_user_is_not_found() -> None:
    token = tokens.create("alice", [], None)
    Token.objects.get().user.__class__.objects.update(is_active=False)
    assert tokens.find(token) is None


def test_a_second_token_keeps_the_user_and_adds_groups() -> None:
    first = tokens.create("alice", ["a"], None)
    second = tokens.create("alice", ["b"], None)
    found = [tokens.find(first), tokens.find(second)]
    assert found[0] is not None
    assert found[1] is not None
    assert found[0].user == found[1].user
    assert found[0].user.groups.count() == 2


def test_a_user_of_tokens_has_no_password() -> None:
    tokens.create("alice", [], None)
    assert not Token.objects.get().user.has_usable_password()


def test_use_is_noted_while_requests_are_answered_and_written_later() -> None:
    used, idle = tokens.create("alice", [], None), tokens.create("bob", [], None)
    recorder = tokenuse.recorder
    recorder.write()
    assert Backend().authenticate_token(used) is not None
    assert Backend().authenticate_token("forged") is None
    assert not Token.objects.exclude(last_used=None).exists()
    assert recorder.write() == 1
    (row,) = Token.objects.exclude(last_used=None)
    assert row.digest == tokens.digest(used)
    assert abs((timezone.now() - row.last_used).total_seconds()) < 60
    assert recorder.write() == 0
    assert Token.objects.get(digest=tokens.digest(idle)).last_used is None


def test_many_uses_are_one_statement(django_assert_num_queries: Any) -> None:
    recorder = tokenuse.Recorder()
    for name in ("alice", "bob", "carol"):
        recorder.note(tokens.digest(tokens.create(name, [], None)))
    with django_assert_num_queries(1):
        recorder.write()


@pytest.mark.django_db(transaction=True)
def test_use_that_could_not_be_written_is_written_later() -> None:
    recorder = tokenuse.Recorder()
    recorder.note(tokens.digest(tokens.create("alice", [], None)))
    with (
        connection.execute_wrapper(refuse),
        pytest.raises(OperationalError),
    ):
        recorder.write()
    assert recorder.write() == 1


def refuse(*_: Any) -> None:
    raise OperationalError("database is locked")


@pytest.mark.django_db(transaction=True)
def test_use_is_written_when_the_web_process_ends() -> None:
    digest = tokens.digest(tokens.create("alice", [], None))
    recorder = tokenuse.Recorder()
    recorder.start()
    recorder.note(digest)
    recorder.stop()
    assert Token.objects.get(digest=digest).last_used is not None
