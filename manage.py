#!/usr/bin/env python
"""Commands. `up` is dispatched before Django is loaded, so that the supervising process stays small."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command that the command line names."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kcpcache.settings")
    if sys.argv[1:2] == ["up"]:
        from supervisor import up

        sys.exit(up.main(sys.argv[2:]))
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
