"""Child processes: started in groups of their own, watched, restarted when they crash, stopped in order.

Children die with the supervisor, even when it is killed: each asks the kernel for a signal at its parent's
death (`parentdeath`). One thread does everything, woken by output, by signals and by the next restart.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO

from supervisor import lines, parentdeath

FIRST_BACKOFF_SECONDS = 0.2
LONGEST_BACKOFF_SECONDS = 10.0
HEALTHY_SECONDS = 30.0  # a child that ran this long begins again with the first backoff
LONGEST_LINE_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Program:
    """What to run. `orphan_signal` is what the child gets if the supervisor dies; `stop_seconds` how long it
    may take to end after SIGTERM before its whole group is killed."""

    name: str
    command: Sequence[str]
    orphan_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 5.0


@dataclass(slots=True)
class Child:
    """A program and the process that runs it now, if any."""

    program: Program
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    restart_at: float | None = None
    backoff_seconds: float = FIRST_BACKOFF_SECONDS
    crashes: int = 0
    last_code: int | None = None
    partial_line: bytearray = field(default_factory=bytearray)


class Family:
    """All children of one supervisor."""

    def __init__(
        self,
        environment: Mapping[str, str],
        keep_open: Sequence[int],
        log: IO[bytes],
        line: lines.Line = lines.to_read,
    ) -> None:
        """`keep_open` are file descriptors that every child inherits; `log` gets their output as `line` makes it."""
        self._environment = environment
        self._keep_open = tuple(keep_open)
        self._log = log
        self._line = line
        self._children: list[Child] = []
        self._selector = selectors.DefaultSelector()

    def start(self, program: Program) -> Child:
        """Run a program from now on; it is started again whenever it ends."""
        child = Child(program)
        self._children.append(child)
        self._spawn(child)
        return child

    def attend(self, timeout_seconds: float, *, also: int | None = None) -> None:
        """Forward output and restart what ended, for at most this long; `also` is one more descriptor whose
        readability ends the wait."""
        for child in self._children:
            self._revive(child)
        due = [child.restart_at for child in self._children if child.restart_at is not None]
        timeout_seconds = max(0.0, min([timeout_seconds, *(at - time.monotonic() for at in due)]))
        with self._registered(also):
            for key, _ in self._selector.select(timeout_seconds):
                if isinstance(key.data, Child):
                    self._forward(key.data)

    def stop(self, names: Sequence[str]) -> None:
        """End the named children one after the other, then all that are left."""
        order = [child for name in names for child in self._children if child.program.name == name]
        for child in [*order, *(child for child in self._children if child not in order)]:
            self._stop(child)
            self._children.remove(child)

    def kill(self) -> None:
        """End everything at once, whatever it is doing."""
        for child in self._children:
            _kill_group(child)

    def say(self, name: str, text: str) -> None:
        """Write a line to the log as one of the children's."""
        with contextlib.suppress(OSError):  # nobody reads the log: no reason to end
            self._log.write(self._line(name, text.encode()))
            self._log.flush()

    def _spawn(self, child: Child) -> None:
        """Start the child's process and follow its output."""
        parent, orphan_signal = os.getpid(), child.program.orphan_signal
        child.process = subprocess.Popen(
            child.program.command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=self._environment,
            pass_fds=self._keep_open,
            process_group=0,  # Ctrl-C reaches the supervisor alone, and the group can be killed as a whole
            preexec_fn=lambda: parentdeath.request(orphan_signal, parent),  # noqa: PLW1509 - one thread only
        )
        child.started, child.restart_at = time.monotonic(), None
        assert child.process.stdout is not None
        os.set_blocking(child.process.stdout.fileno(), False)
        self._selector.register(child.process.stdout, selectors.EVENT_READ, child)

    def _revive(self, child: Child) -> None:
        """Notice a child that ended, and start it again when its backoff has passed."""
        if child.process is not None and child.process.poll() is not None:
            self._bury(child)
            if time.monotonic() - child.started > HEALTHY_SECONDS:
                child.backoff_seconds = FIRST_BACKOFF_SECONDS
            self.say(
                child.program.name,
                f"ended with code {child.last_code}; starts again in {child.backoff_seconds:.1f} s",
            )
            child.crashes += 1
            child.restart_at = time.monotonic() + child.backoff_seconds
            child.backoff_seconds = min(child.backoff_seconds * 2, LONGEST_BACKOFF_SECONDS)
        if child.restart_at is not None and time.monotonic() >= child.restart_at:
            self._spawn(child)

    def _bury(self, child: Child) -> None:
        """Forget a process that ended, after the rest of its output and of its group."""
        assert child.process is not None
        assert child.process.stdout is not None
        _kill_group(child)
        self._forward(child)
        if child.partial_line:
            self.say(child.program.name, child.partial_line.decode(errors="replace"))
            child.partial_line.clear()
        with contextlib.suppress(KeyError):
            self._selector.unregister(child.process.stdout)
        child.process.stdout.close()
        child.last_code, child.process = child.process.returncode, None

    def _stop(self, child: Child) -> None:
        """SIGTERM, then after the deadline SIGKILL to the whole group."""
        child.restart_at = None
        if child.process is None:
            return
        child.process.terminate()
        deadline = time.monotonic() + child.program.stop_seconds
        while child.process.poll() is None and time.monotonic() < deadline:
            for key, _ in self._selector.select(0.02):
                self._forward(key.data)
        if child.process.poll() is None:
            self.say(child.program.name, f"did not stop within {child.program.stop_seconds:.0f} s; killed")
            _kill_group(child)
            child.process.wait()
        self._bury(child)

    def _forward(self, child: Child) -> None:
        """Write what a child has printed, line by line."""
        if child.process is None or child.process.stdout is None:
            return
        while True:
            try:
                output = os.read(child.process.stdout.fileno(), LONGEST_LINE_BYTES)
            except BlockingIOError:
                break
            if not output:
                with contextlib.suppress(KeyError):
                    self._selector.unregister(child.process.stdout)
                break
            child.partial_line += output
        *whole, rest = child.partial_line.split(b"\n")
        for line in whole:
            self.say(child.program.name, line.decode(errors="replace"))
        child.partial_line = bytearray(rest[:LONGEST_LINE_BYTES])

    @contextlib.contextmanager
    def _registered(self, descriptor: int | None) -> Iterator[None]:
        """Listen to one more descriptor for a while."""
        if descriptor is None:
            yield
            return
        self._selector.register(descriptor, selectors.EVENT_READ)
        try:
            yield
        finally:
            self._selector.unregister(descriptor)


def _kill_group(child: Child) -> None:
    """SIGKILL to the child and to all that it has started."""
    if child.process is not None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.process.pid, signal.SIGKILL)


def python(*arguments: str) -> list[str]:
    """A command line for this interpreter."""
    return [sys.executable, *arguments]
