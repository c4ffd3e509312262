"""The command line: `kcpcache`, `python -m kcpcache` and `manage.py` are one program."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path

# The supervising process loads no Django apps, so that it stays small.
_WITHOUT_DJANGO = {"up": "supervisor.up"}


def main() -> None:
    """Run the command that the command line names; exits with its code."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kcpcache.settings")
    module = _WITHOUT_DJANGO.get(sys.argv[1]) if len(sys.argv) > 1 else None
    if module is not None:
        sys.exit(import_module(module).main(sys.argv[2:]))
    from django.core.management import execute_from_command_line

    if Path(sys.argv[0]).name == "__main__.py":
        sys.argv[0] = "kcpcache"  # as help and usage name it
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
