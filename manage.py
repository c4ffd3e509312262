#!/usr/bin/env python
"""The commands, as Django users expect to find them; the installed `kcpcache` is the same program."""

from __future__ import annotations

from kcpcache.__main__ import main

if __name__ == "__main__":
    main()
