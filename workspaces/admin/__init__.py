"""The admin's pages about workspaces, objects and accounts. Who sees them is decided in `workspaces.adminaccess`.

Nothing here writes a table of the store: an edit is a request to the API, made in this process by the same user.
"""

from __future__ import annotations

from workspaces.admin import accounts, objects, tokens, workspaces

__all__ = ["accounts", "objects", "tokens", "workspaces"]
