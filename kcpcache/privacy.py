"""Keys and data that no other user of the machine may read: made private, mended where they are not, or refused.

One rule: what others can enter or read is mended, with a sentence on stderr, when it is ours, and refused, with a
sentence, when it is another's.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

_UMASK = 0o077
_OTHERS = 0o077  # the permissions of everybody but the owner
_WRITE = 0o022
_GROUP_READS = 0o040
# What a data directory holds. Files of other names are left alone: the directory may have been there before.
_CONTENTS = (
    "secret.key",
    "encryption.keys",
    "admin.password",
    "*.kubeconfig",
    "kcpcache.sqlite3*",
    "revision.mark*",
    "supervisor.lock",
    "pki",
    "pki/*",
    "redis",
    "redis/*",
)
_SIGNS = (
    "secret.key",
    "encryption.keys",
    "kcpcache.sqlite3",
    "supervisor.lock",
    "pki",
    "redis",
    "redis.sock",
    "appendonlydir",
)


def begin() -> None:
    """Have every file and directory that this process makes from now on be its user's alone."""
    os.umask(_UMASK)


def data_directory(path: Path) -> None:
    """Mend or refuse a data directory that is there, and what lies in it; ImproperlyConfigured."""
    try:
        if not path.is_dir():
            return
        status = path.stat()
        mode = stat.S_IMODE(status.st_mode)
        if mode & _OTHERS:
            directory(path)
        elif status.st_uid != os.geteuid():
            return  # its owner's alone; only root comes here, to look after the service of another user
        for found in _contents(path):
            if mode & _WRITE and found.stat().st_uid != os.geteuid():
                raise ImproperlyConfigured(
                    f"The data directory {path} could be written by others, and {found.name} in it belongs to another"
                    " user: take it away, or name another directory."
                )
            _close(found, is_silent=not mode & _OTHERS)
    except OSError as error:
        raise ImproperlyConfigured(
            f"The data directory {path} cannot be used: {error.strerror} ({error.filename})."
        ) from None


def directory(path: Path) -> None:
    """Mend or refuse a directory of ours that others can enter; ImproperlyConfigured."""
    status = path.stat()
    mode = stat.S_IMODE(status.st_mode)
    if not mode & _OTHERS:
        return
    if status.st_uid != os.geteuid():
        raise ImproperlyConfigured(
            f"The directory {path} can be entered by others (mode {mode:04o}) and belongs to another user: name"
            " one that is not there yet, such as a directory below it."
        )
    if any(path.iterdir()) and not any((path / sign).exists() for sign in _SIGNS):
        raise ImproperlyConfigured(
            f"The directory {path} can be entered by others (mode {mode:04o}) and holds other things: name one"
            " that is not there yet, or make it private (chmod 700)."
        )
    path.chmod(0o700)
    _say(f"The directory {path} could be entered by others (mode {mode:04o}); it is private now (0700).")


def database(path: Path) -> None:
    """The same for a SQLite database, wherever it lies, and for its log, which gets the mode of its file."""
    for suffix in ("", "-wal", "-shm", "-journal"):
        _close(path.with_name(path.name + suffix))


def key_file(name: str, path: Path) -> None:
    """The same for a file with a secret that the variable `name` names; one that is not there is left to others.

    A file of root's may be readable by a group: so keys are given to services.
    """
    try:
        status = path.stat()
    except OSError:
        return
    if status.st_uid == 0 != os.geteuid() and not stat.S_IMODE(status.st_mode) & _OTHERS & ~_GROUP_READS:
        return
    _close(path, name)


def _contents(directory: Path) -> Iterator[Path]:
    for pattern in _CONTENTS:
        yield from directory.glob(pattern)


def _close(path: Path, name: str = "", *, is_silent: bool = False) -> None:
    """Take every permission of others from a file or directory that is ours, or refuse it; ImproperlyConfigured."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return  # a part of a file that another process has just put in place
    mode = stat.S_IMODE(status.st_mode)
    if not mode & _OTHERS or stat.S_ISSOCK(status.st_mode):
        return
    named = f"{name} {path}" if name else str(path)
    try:
        if status.st_uid != os.geteuid():
            raise PermissionError
        path.chmod(mode & ~_OTHERS)
    except FileNotFoundError:
        return
    except OSError:
        raise ImproperlyConfigured(
            f"{named} can be read by others (mode {mode:04o}) and cannot be made private: it must belong to this"
            " user, with mode 0600."
        ) from None
    if not is_silent:
        _say(f"{named} could be read by others (mode {mode:04o}); it is private now ({mode & ~_OTHERS:04o}).")


def _say(sentence: str) -> None:
    """Settings are read before there is a log."""
    sys.stderr.write(f"kcpcache: {sentence}\n")
