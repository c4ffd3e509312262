"""Bearer tokens, hashed at rest."""

from __future__ import annotations

import datetime

import pytest
from django.utils import timezone

from workspaces import tokens
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
