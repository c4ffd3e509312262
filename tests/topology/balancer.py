"""A load balancer that passes TLS through: each connection goes to the next server that takes it."""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading
from collections.abc import Iterator


class Balancer:
    """Listens on the loopback; `port` stays while servers come and go. `taken` counts connections by server."""

    def __init__(self, *ports: int) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.taken = dict.fromkeys(ports, 0)
        self._turns = itertools.cycle(ports)
        self._thread = threading.Thread(target=self._accept, daemon=True)

    @contextlib.contextmanager
    def running(self) -> Iterator[Balancer]:
        """Serve for the length of the block."""
        self._thread.start()
        try:
            yield self
        finally:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._thread.join()
            self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = self._connect()
                if server is None:
                    client.close()
                    continue
                for source, sink in ((client, server), (server, client)):
                    threading.Thread(target=_copy, args=(source, sink), daemon=True).start()

    def _connect(self) -> socket.socket | None:
        for port in itertools.islice(self._turns, len(self.taken)):
            with contextlib.suppress(OSError):
                server = socket.create_connection(("127.0.0.1", port))
                self.taken[port] += 1
                return server
        return None


def _copy(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    for end in (source, sink):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
    source.close()
