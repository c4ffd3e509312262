"""A connection of uvicorn that the application can drop at once, whatever is still to be sent on it.

Closing waits until the client has taken what was written; a client that takes nothing would keep its connection.
"""

from __future__ import annotations

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

ABORT = "kcpcache.abort"  # the ASGI extension; its "call" takes no arguments


class Protocol(HttpToolsProtocol):
    """Says in each request's scope how its connection is dropped."""

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self.scope["extensions"] = {ABORT: {"call": self.transport.abort}}
