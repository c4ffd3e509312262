"""The seal of a backup: who has the installation's keys can tell that nobody has changed the file.

The file is a gzip stream with one line behind it::

    \\nkcpcache-seal/1 <fingerprint of the key> <HMAC-SHA256 of all before, hex>\\n

The HMAC's key is derived from the first encryption key by HKDF-SHA256, so that it is of no use for anything else. The
line has a fixed length: the stream before it can be checked without being unpacked.
"""

from __future__ import annotations

import hashlib
import hmac
import io
import re
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_LINE = re.compile(rb"\nkcpcache-seal/1 ([0-9a-f]{16}) ([0-9a-f]{64})\n")
LENGTH = len(b"\nkcpcache-seal/1 \n") + 16 + 1 + 64  # bytes
_CHUNK = 1 << 20  # bytes
_PURPOSE = b"kcpcache backup seal 1"


class Broken(Exception):
    """A file whose seal does not hold; its text is the end of a sentence about it."""


def fingerprint(key: str) -> str:
    """What names an encryption key without telling it: 256 random bits cannot be guessed from a digest."""
    return hashlib.sha256(b"kcpcache encryption key " + key.encode()).hexdigest()[:16]


class Writer(io.RawIOBase):
    """Takes what is written, and knows the seal of it."""

    def __init__(self, file: IO[bytes], key: str) -> None:
        self._file = file
        self._fingerprint = fingerprint(key)
        self._digest = _digest(key)

    def writable(self) -> bool:
        """Yes."""
        return True

    def write(self, content: bytes) -> int:  # type: ignore[override]
        """Pass on."""
        self._digest.update(content)
        return self._file.write(content)

    def seal(self) -> None:
        """Write the line that ends the file."""
        self._file.write(f"\nkcpcache-seal/1 {self._fingerprint} {self._digest.hexdigest()}\n".encode())


class Reader(io.RawIOBase):
    """What was sealed, without the seal; `check` at the end says whether it is what was written."""

    def __init__(self, file: IO[bytes], length: int, expected: bytes, key: str) -> None:
        self._file = file
        self._left = length
        self._expected = expected
        self._digest = _digest(key)

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        """Some of what is left."""
        content = self._file.read(min(len(buffer), self._left))
        self._left -= len(content)
        self._digest.update(content)
        buffer[: len(content)] = content
        return len(content)

    def check(self) -> None:
        """Read what is left, and compare; Broken."""
        while self.read(_CHUNK):
            pass
        if self._left or not hmac.compare_digest(self._digest.hexdigest().encode(), self._expected):
            raise Broken("was changed after it was written: its seal does not hold")


def is_sealed(path: Path) -> bool:
    """Whether there is a seal at the end of a file, good or not; OSError."""
    with path.open("rb") as file:
        return _seal(file) is not None


def reader(file: IO[bytes], keys: Mapping[str, str]) -> Reader:
    """The content of a sealed file, from its beginning; `keys` by fingerprint; Broken, OSError."""
    found = _seal(file)
    if found is None:
        raise Broken("has no seal: it was cut off, or is not by this installation")
    named = found[1].decode()
    if named not in keys:
        raise Broken(
            f"was sealed with the encryption key {named}, which is not here: put that into KCPCACHE_ENCRYPTION_KEYS,"
            f" behind the others (fingerprints; here {', '.join(keys)})"
        )
    length = file.seek(0, io.SEEK_END) - LENGTH
    file.seek(0)
    return Reader(file, length, found[2], keys[named])


def _seal(file: IO[bytes]) -> re.Match[bytes] | None:
    size = file.seek(0, io.SEEK_END)
    file.seek(max(0, size - LENGTH))
    return _LINE.fullmatch(file.read(LENGTH))


def _digest(key: str) -> hmac.HMAC:
    derived = HKDF(hashes.SHA256(), 32, salt=None, info=_PURPOSE).derive(key.encode())
    return hmac.new(derived, digestmod=hashlib.sha256)
