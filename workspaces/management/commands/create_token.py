"""``manage.py create_token USER``: makes a bearer token."""

from __future__ import annotations

import datetime
import re
from argparse import ArgumentParser
from typing import Any

from workspaces import tokens
from workspaces.management import accounts
from workspaces.management.operator import Answer, OperatorCommand, UsageError

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class Command(OperatorCommand):
    """Make a token for a user."""

    help = f"""Make a bearer token for a user of the API, the REST interface and /metrics.

The user is made if there is none, and put into the groups. The token is printed once and cannot be shown again: only
its hash is stored. {accounts.RIGHTS}"""
    examples = (
        ("prometheus --group system:monitoring", "a token that may read /metrics, and does not expire"),
        ("ci --group system:masters --expires-in 8h", "one that may do everything, for eight hours"),
        ("alice --output json | jq -r .token", "only the token; alice stays in the groups she is in"),
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """For whom, and for how long."""
        super().add_arguments(parser)
        parser.add_argument("user", help="the user's name")
        parser.add_argument("--group", action="append", default=[], help="a group of theirs; may be repeated")
        parser.add_argument("--expires-in", default="", help="such as 30m, 8h or 90d; default: never")
        parser.add_argument("--description", default="manage.py create_token", help="what it is for")

    def answer(self, **options: Any) -> Answer:
        """Make it, and show it this once."""
        user, groups = options["user"], options["group"]
        accounts.check(user, groups)
        expires = _expiry(options["expires_in"])
        token = tokens.create(user, groups, expires, description=options["description"])
        groups = tokens.groups_of(user)
        content = {"token": token, "user": user, "groups": groups, "expires": expires}
        until = f"until {expires:%Y-%m-%d %H:%M} UTC" if expires else "for ever"
        if warning := accounts.warning(user, groups):
            self.stderr.write(warning)
        self.stderr.write(f"A token for {user}, valid {until}; it is not shown again:")
        return Answer(content, token)


def _expiry(text: str) -> datetime.datetime | None:
    if not text:
        return None
    found = re.fullmatch(r"([1-9]\d{0,8})([smhd])", text)
    if found is None:
        raise UsageError(f"--expires-in must be a number with s, m, h or d, such as 8h, not {text!r}.")
    seconds = int(found[1]) * _UNITS[found[2]]
    try:
        return datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=seconds)
    except OverflowError:
        raise UsageError(f"--expires-in {text} is too far away.") from None
