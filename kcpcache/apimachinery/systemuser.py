"""The name under which the controllers write. No request may come under it: some checks are for others only."""

from __future__ import annotations

NAME = "system:kcpcache"
