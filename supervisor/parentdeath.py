"""Ends a process when its parent ends, however that comes about."""

from __future__ import annotations

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def request(signal_number: int, parent: int | None = None) -> None:
    """Ask the kernel to send this process a signal when its parent dies (Linux; elsewhere nothing).

    `parent` is the process id the parent had; if it is gone already, this process ends at once.
    """
    if _libc is None:
        return
    _libc.prctl(PR_SET_PDEATHSIG, signal_number, 0, 0, 0)
    if parent is not None and os.getppid() != parent:
        os._exit(1)
