"""Accounts and tokens, as operators manage them."""

from __future__ import annotations

import re
import stat
from pathlib import Path
from typing import Any

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


@pytest.fixture
def password_file(settings: Any, tmp_path: Path) -> Path:
    """Where the first password is kept."""
    settings.KCPCACHE_DATA_DIR = tmp_path
    settings.KCPCACHE_AUTHORITY_FILE = str(tmp_path / "pki" / "ca.crt")
    return tmp_path / "admin.password"


def test_the_first_start_makes_a_password_in_a_private_file_and_prints_where(
    store: None, password_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    preparation.ensure_admin_password()
    made = password_file.read_text().strip()
    printed = capsys.readouterr().out
    assert str(password_file) in printed and made not in printed
    assert stat.S_IMODE(password_file.stat().st_mode) == 0o600
    account = get_user_model().objects.get(username=bootstrap.ADMIN)
    assert account.check_password(made) and account.is_staff
    password_file.unlink()
    preparation.ensure_admin_password()
    assert capsys.readouterr().out == "" and not password_file.exists()
    assert get_user_model().objects.get(username=bootstrap.ADMIN).check_password(made)


def test_the_environment_sets_the_password_and_nothing_is_printed(
    store: None, settings: Any, password_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    password_file.write_text("former")
    settings.KCPCACHE_ADMIN_PASSWORD = "from-the-environment"
    preparation.ensure_admin_password()
    assert capsys.readouterr().out == "" and not password_file.exists()
    client = Client(headers={"host": "localhost"})
    assert client.login(username=bootstrap.ADMIN, password="from-the-environment")
    assert client.get("/admin/").status_code == 200


def restart() -> None:
    """The steps of a start that are about the administrator."""
    bootstrap.ensure()
    preparation.write_admin_kubeconfig()
    preparation.ensure_admin_password()


def administrator() -> Any:
    return get_user_model().objects.get(username=bootstrap.ADMIN)


@pytest.mark.parametrize("given", ["", "from-the-environment"])
def test_a_disabled_administrator_stays_disabled_after_a_restart(
    store: None, settings: Any, password_file: Path, given: str
) -> None:
    restart()
    kubeconfig = (password_file.parent / "admin.kubeconfig").read_text()
    get_user_model().objects.filter(username=bootstrap.ADMIN).update(is_active=False, password="!unusable")
    count = Token.objects.count()
    settings.KCPCACHE_ADMIN_PASSWORD = given
    restart()
    assert not administrator().is_active and administrator().password == "!unusable"
    assert Token.objects.count() == count
    assert (password_file.parent / "admin.kubeconfig").read_text() == kubeconfig


def test_an_administrator_without_group_or_password_gets_neither_back(
    store: None, password_file: Path
) -> None:
    restart()
    account = administrator()
    account.groups.clear()
    account.set_unusable_password()
    account.save()
    Token.objects.filter(user=account).delete()  # a new kubeconfig gives no group back either
    restart()
    assert not administrator().groups.exists() and not administrator().has_usable_password()
