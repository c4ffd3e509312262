"""A broker's door that is slammed at a chosen word: before it passes, in its middle, or before its answer."""

from __future__ import annotations

import contextlib
import socket
import threading
from pathlib import Path
from typing import Self

MANNERS = ("before", "half", "after")


class Cutter:
    """Passes everything between a socket of its own and the broker's, until a piece holds all words it waits for.

    Then every connection is closed, and for some seconds new ones are refused; `cuts` counts.
    """

    def __init__(self, path: Path, target: Path) -> None:
        self.path, self.cuts = path, 0
        self._target = target
        self._lock = threading.Lock()
        self._words: tuple[bytes, ...] | None = None
        self._manner = "before"
        self._shut_seconds = 0.0
        self._open: set[socket.socket] = set()
        self._is_shut = False
        self._listener = socket.socket(socket.AF_UNIX)

    def __enter__(self) -> Self:
        self._listener.bind(str(self.path))
        self._listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        self.cut()

    def wait_for(self, *words: bytes, manner: str, shut_seconds: float) -> None:
        """Cut once, at the next piece with all of these words."""
        with self._lock:
            self._words, self._manner, self._shut_seconds = words, manner, shut_seconds

    def cut(self, shut_seconds: float = 0.0) -> None:
        """Close every connection now."""
        with self._lock:
            self._words = None
            self.cuts += 1
            ends, self._open = self._open, set()
            self._is_shut = shut_seconds > 0
        if shut_seconds:
            threading.Timer(shut_seconds, self.admit).start()
        for end in ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def shut(self) -> None:
        """Close every connection and refuse new ones until `admit`."""
        self.cut()
        self._is_shut = True

    def admit(self) -> None:
        """Take new connections again."""
        self._is_shut = False

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.socket(socket.AF_UNIX)
                try:
                    if self._is_shut:
                        raise ConnectionRefusedError
                    server.connect(str(self._target))
                except OSError:
                    client.close()
                    server.close()
                    continue
                with self._lock:
                    self._open |= {client, server}
                threading.Thread(target=self._pass, args=(client, server, True), daemon=True).start()
                threading.Thread(target=self._pass, args=(server, client, False), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket, is_request: bool) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(2**20):
                if is_request and self._takes(piece):
                    if self._manner == "half":
                        sink.sendall(piece[: len(piece) // 2])
                    elif self._manner == "after":
                        sink.sendall(piece)
                    self.cut(self._shut_seconds)
                    return
                sink.sendall(piece)
        for end in (source, sink):
            with self._lock:
                self._open.discard(end)
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _takes(self, piece: bytes) -> bool:
        with self._lock:
            found = self._words is not None and all(word in piece for word in self._words)
            if found:
                self._words = None
            return found
