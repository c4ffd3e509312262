"""Accounts and tokens, as operators manage them."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from supervisor import preparation
from workspaces import bootstrap, tokens
from workspaces.models import Token


def test_a_token_is_shown_once_and_works(operator: Client) -> None:
    answer = operator.post(
        "/admin/workspaces/token/add/", {"user": "robot", "description": "CI", "days": "7"}
    )
    found = re.search(r"kcpcache-[\w-]+", answer.content.decode())
    assert found is not None and "no-store" in answer.headers["Cache-Control"]
    token = tokens.find(found[0])
    assert token is not None and token.user.get_username() == "robot" and token.expires is not None
    shown = operator.get("/admin/workspaces/token/").content.decode()
    assert "robot" in shown and found[0] not in shown


def test_a_wrong_user_name_makes_no_token(operator: Client) -> None:
    before = Token.objects.count()
    answer = operator.post("/admin/workspaces/token/add/", {"user": "no spaces!"})
    assert b"errorlist" in answer.content and Token.objects.count() == before


def test_a_revoked_token_is_refused(operator: Client) -> None:
    token = tokens.create("robot", [], None)
    data = {"action": "revoke", "_selected_action": [tokens.digest(token)]}
    assert b"no longer valid" in operator.post("/admin/workspaces/token/", data, follow=True).content
    assert tokens.find(token) is None


def test_an_operator_makes_users_and_puts_them_into_groups(operator: Client) -> None:
    data = {
        "username": "ada",
        "password1": "a-good-pass-4711",
        "password2": "a-good-pass-4711",
        "usable_password": "true",
    }
    answer = operator.post("/admin/auth/user/add/", data)
    assert answer.status_code == 302
    ada = get_user_model().objects.get(username="ada")
    page = operator.get(f"/admin/auth/user/{ada.pk}/change/").content.decode()
    assert "is_superuser" not in page and "user_permissions" not in page


def test_an_operator_cannot_make_a_user_of_the_systems_names(operator: Client) -> None:
    data = {"username": "system:kcpcache", "password1": "a-good-pass-4711", "password2": "a-good-pass-4711"}
    assert b"errorlist" in operator.post("/admin/auth/user/add/", {**data, "usable_password": "true"}).content
    assert not get_user_model().objects.filter(username__startswith="system:").exists()


def test_the_first_start_makes_a_password_and_prints_it_once(
    store: None, capsys: pytest.CaptureFixture[str]
) -> None:
    preparation.ensure_admin_password()
    printed = capsys.readouterr().out
    found = re.search(r"the password is (\S+)", printed)
    assert found is not None
    account = get_user_model().objects.get(username=bootstrap.ADMIN)
    assert account.check_password(found[1]) and account.is_staff
    preparation.ensure_admin_password()
    assert capsys.readouterr().out == ""
    assert get_user_model().objects.get(username=bootstrap.ADMIN).check_password(found[1])


def test_the_environment_sets_the_password_and_nothing_is_printed(
    store: None, settings: object, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.KCPCACHE_ADMIN_PASSWORD = "from-the-environment"  # type: ignore[attr-defined]
    preparation.ensure_admin_password()
    assert capsys.readouterr().out == ""
    client = Client(headers={"host": "localhost"})
    assert client.login(username=bootstrap.ADMIN, password="from-the-environment")
    assert client.get("/admin/").status_code == 200
