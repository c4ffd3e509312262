"""Secrets that are made at first start and kept in files that only their owner may read."""

from __future__ import annotations

import base64
import os
import secrets
from collections.abc import Callable
from pathlib import Path


def read_or_create(path: Path, make: Callable[[], str]) -> str:
    """The content of a secret file, made by `make` if there is none; two processes at once get the same.

    Raises OSError when the file can neither be read nor be made.
    """
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = _written_beside(path, make() + "\n")
        try:
            os.link(part, path)  # unlike a rename this never replaces what another process has just made
        except FileExistsError:
            return path.read_text().strip()
        finally:
            part.unlink()
    return path.read_text().strip()


def replace(path: Path, content: str) -> None:
    """Put a file with mode 0600 in place, whole or not at all."""
    _written_beside(path, content).replace(path)


def encryption_key() -> str:
    """A new Fernet key: 256 random bits in URL-safe base64."""
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


def is_encryption_key(key: str) -> bool:
    """Whether a string is a Fernet key."""
    try:
        return len(base64.b64decode(key, altchars=b"-_", validate=True)) == 32
    except ValueError:
        return False


def _written_beside(path: Path, content: str) -> Path:
    """A synced file with mode 0600 in the directory of `path`."""
    part = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return part
