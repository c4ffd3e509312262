"""How many passwords may be tried, by whom, and how many are checked at a time."""

from __future__ import annotations

import datetime
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.test import Client
from django.utils import timezone

from tests.unit.admin.conftest import PASSWORD, person
from workspaces import passwords
from workspaces.models import Attempts
from workspaces.store import attempts

pytestmark = pytest.mark.usefixtures("store")


@pytest.fixture(autouse=True)
def alice(store: None) -> None:
    """Somebody who may use the admin, and no attempts yet."""
    Attempts.objects.all().delete()
    person("alice", "system:masters")


def try_password(
    username: str, password: str, address: str = "10.0.0.1", client: Client | None = None
) -> Any:
    """The answer to the login form."""
    client = client or Client(headers={"host": "localhost"})
    return client.post("/admin/login/", {"username": username, "password": password}, REMOTE_ADDR=address)


def statuses(count: int, username: str, address: str = "10.0.0.1") -> list[int]:
    return [try_password(username, "wrong", address).status_code for _ in range(count)]


def let_time_pass(seconds: float) -> None:
    """What was counted was so much earlier."""
    for row in Attempts.objects.all():
        row.since -= datetime.timedelta(seconds=seconds)
        row.save()


def test_sixth_password_for_an_account_is_not_checked_from_wherever_it_comes() -> None:
    assert [try_password("alice", "wrong", f"10.0.0.{n}").status_code for n in range(1, 6)] == [200] * 5
    answer = try_password("alice", PASSWORD, "10.0.0.6")
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert b"Too many passwords were tried" in answer.content
    assert "Content-Security-Policy" in answer.headers


def test_sixth_password_from_an_address_is_not_checked_for_whichever_account() -> None:
    assert [try_password(f"person{n}", "wrong").status_code for n in range(5)] == [200] * 5
    assert try_password("alice", PASSWORD).status_code == 429
    assert try_password("alice", PASSWORD, "10.0.0.2").status_code == 302


def test_a_network_of_ipv6_is_one_address() -> None:
    assert [try_password(f"p{n}", "wrong", f"2001:db8::{n}").status_code for n in range(5)] == [200] * 5
    assert try_password("alice", PASSWORD, "2001:db8::99").status_code == 429
    assert try_password("alice", PASSWORD, "2001:db8:0:1::1").status_code == 302
    assert passwords._address(_request("::ffff:10.0.0.1")) == passwords._address(_request("10.0.0.1"))


def _request(address: str) -> Any:
    return type("Request", (), {"META": {"REMOTE_ADDR": address}})()


def test_an_account_that_does_not_exist_is_answered_as_one_that_does() -> None:
    existing = [try_password("alice", "wrong", "10.0.0.1") for _ in range(6)]
    missing = [try_password("nobody", "wrong", "10.0.0.2") for _ in range(6)]
    assert [answer.status_code for answer in existing] == [answer.status_code for answer in missing]
    assert existing[-1].headers.keys() == missing[-1].headers.keys()


def test_after_a_minute_the_next_five_may_be_tried() -> None:
    assert statuses(6, "alice") == [200] * 5 + [429]
    let_time_pass(attempts.WINDOW_SECONDS + 1)
    assert try_password("alice", PASSWORD).status_code == 302


def test_a_clock_that_was_put_back_does_not_lock_out_for_longer() -> None:
    statuses(6, "alice")
    let_time_pass(-3600)
    assert try_password("alice", PASSWORD).status_code == 302


def test_a_login_gives_the_account_its_attempts_back_and_the_address_its_own_only() -> None:
    statuses(4, "alice")
    assert try_password("alice", PASSWORD).status_code == 302
    assert try_password("alice", "wrong").status_code == 200  # the address's fifth failure
    assert try_password("alice", PASSWORD).status_code == 429
    assert statuses(4, "alice", "10.0.0.2") == [200] * 4


def test_strangers_do_not_lock_out_a_browser_that_has_logged_in_before() -> None:
    browser = Client(headers={"host": "localhost"})
    assert try_password("alice", PASSWORD, "10.0.0.9", browser).status_code == 302
    cookie = browser.cookies[passwords.COOKIE]
    assert cookie["httponly"] and cookie["samesite"] == "Strict"
    browser.post("/admin/logout/")
    for n in range(1, 6):
        try_password("alice", "wrong", f"10.0.0.{n}")
    assert try_password("alice", PASSWORD, "10.0.0.7").status_code == 429
    assert try_password("alice", PASSWORD, "10.0.0.9", browser).status_code == 302


def test_a_known_browser_has_five_attempts_too_and_none_for_other_accounts() -> None:
    browser = Client(headers={"host": "localhost"})
    try_password("alice", PASSWORD, "10.0.0.9", browser)
    answers = [try_password("alice", "wrong", f"10.0.1.{n}", browser).status_code for n in range(6)]
    assert answers == [200] * 5 + [429]
    for n in range(5):
        try_password("bob", "wrong", f"10.0.2.{n}")
    assert try_password("bob", "wrong", "10.0.3.1", browser).status_code == 429


def test_a_forged_cookie_is_none() -> None:
    browser = Client(headers={"host": "localhost"})
    for forged in ("alice", "x:y:z", passwords.signing.dumps(["alice"], salt="other"), "\xe9"):
        browser.cookies[passwords.COOKIE] = forged
        assert try_password("alice", "wrong", "10.0.0.1", browser).status_code == 200
        Attempts.objects.all().delete()


def test_what_is_counted_does_not_grow() -> None:
    for n in range(20):
        try_password("x" * 100 + str(n), "wrong", f"10.1.{n}.1")
    assert Attempts.objects.count() == 40
    let_time_pass(attempts.WINDOW_SECONDS + 1)
    try_password("alice", "wrong")
    assert Attempts.objects.count() == 2


def test_attempts_at_the_same_time_do_not_pass_together_and_two_are_hashed_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hashing, most, lock = 0, 0, threading.Lock()
    both = threading.Event()
    verify = MD5PasswordHasher.verify

    def counted(self: MD5PasswordHasher, password: str, encoded: str) -> bool:
        nonlocal hashing, most
        with lock:
            hashing += 1
            most = max(most, hashing)
            if hashing == passwords.HASHES_AT_A_TIME:
                both.set()
        both.wait(10)
        with lock:
            hashing -= 1
        return verify(self, password, encoded)

    monkeypatch.setattr(MD5PasswordHasher, "verify", counted)
    with ThreadPoolExecutor(12) as threads:
        answers = list(
            threads.map(lambda n: try_password("alice", "wrong", f"10.0.0.{n}").status_code, range(12))
        )
    assert sorted(answers) == [200] * 5 + [429] * 7
    assert most == passwords.HASHES_AT_A_TIME


def test_refusals_are_logged_without_the_password(caplog: pytest.LogCaptureFixture) -> None:
    statuses(5, "alice")
    try_password("alice", "hunter2-secret")
    (record,) = [record for record in caplog.records if record.name == passwords.__name__]
    assert "'alice'" in record.getMessage() and "10.0.0.1" in record.getMessage()
    assert "hunter2" not in caplog.text


def test_an_attempt_is_counted_for_all_or_for_none() -> None:
    now = timezone.now()
    for key in attempts._keys(["full"]):
        Attempts.objects.create(subject=key, since=now, count=attempts.LIMIT)
    assert attempts.reserve("free", "full") > 0
    for _ in range(attempts.LIMIT):
        assert attempts.reserve("free") == 0
    assert attempts.reserve("free") > 0
