"""``manage.py doctor``: asks each part of the system how it is, and says what to do."""

from __future__ import annotations

from typing import Any

from replication.insight import system
from workspaces.management.operator import Answer, OperatorCommand


class Command(OperatorCommand):
    """Run every check."""

    help = """Check every part of the system and say what to do about what is wrong.

Looks at the settings, the database and its tables, the encryption keys, Redis with its eviction policy and
persistence, the broker's queues, workers, beat, clocks, the certificate and the disk. Each check takes a second
at most and changes nothing."""
    examples = (
        ("", "show every check"),
        ("--output json | jq '.[] | select(.is_well | not)'", "show only what is wrong"),
    )

    def answer(self, **_: Any) -> Answer:
        """All checks, in a fixed order."""
        checks = system.checks()
        width = max(len(check.name) for check in checks)
        lines = []
        for check in checks:
            lines.append(f"{'ok  ' if check.is_well else 'FAIL'} {check.name.ljust(width)}  {check.message}")
            if check.what_to_do:
                lines.append(f"     {' ' * width}  -> {check.what_to_do}")
        failed = [check for check in checks if not check.is_well]
        lines.append(f"{len(failed)} of {len(checks)} checks failed." if failed else "Everything is well.")
        return Answer(checks, "\n".join(lines), is_well=not failed)
