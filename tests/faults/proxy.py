"""A Redis behind a door: commands of one client can be held back, and let through when they are out of date."""

from __future__ import annotations

import contextlib
import socket
import threading
from pathlib import Path
from typing import Self


class Proxy:
    """Listens on a socket of its own and passes everything on, but what contains all of some words while it holds.

    `held` counts the pieces that wait at the door; `answers` is what Redis said to them when they were let through.
    """

    def __init__(self, path: Path, target: Path) -> None:
        self.path = path
        self.held = 0
        self.answers: list[bytes] = []
        self._target = target
        self._words: tuple[bytes, ...] = ()
        self._open = threading.Event()
        self._open.set()
        self._listener = socket.socket(socket.AF_UNIX)

    def __enter__(self) -> Self:
        self._listener.bind(str(self.path))
        self._listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
        self._listener.close()

    def hold(self, *words: bytes) -> None:
        """From now on, keep back every piece with all of these words, and what comes after it on its connection."""
        self._words = words
        self._open.clear()

    def release(self) -> None:
        """Let through what waits, and everything from now on; its senders may have gone long ago."""
        self._words = ()
        self._open.set()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.socket(socket.AF_UNIX)
                try:
                    server.connect(str(self._target))
                except OSError:
                    client.close()
                    continue
                late = threading.Event()
                threading.Thread(target=self._requests, args=(client, server, late), daemon=True).start()
                threading.Thread(target=self._replies, args=(client, server, late), daemon=True).start()

    def _requests(self, client: socket.socket, server: socket.socket, late: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while piece := client.recv(2**20):
                if self._words and all(word in piece for word in self._words):
                    late.set()
                    self.held += 1
                    self._open.wait()
                server.sendall(piece)
        with contextlib.suppress(OSError):
            server.shutdown(socket.SHUT_WR)

    def _replies(self, client: socket.socket, server: socket.socket, late: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while piece := server.recv(2**20):
                if late.is_set():
                    self.answers.append(piece)
                with contextlib.suppress(OSError):
                    client.sendall(piece)
        for end in (client, server):
            end.close()
