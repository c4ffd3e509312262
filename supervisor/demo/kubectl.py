"""kubectl as the story uses it: found, run, shown with what it printed."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

PROJECT = Path(__file__).resolve().parents[2]
TOOLS = ("kubectl-1.36", "kubectl-1.32")  # what `make tools` fetches
COMMAND_SECONDS = 90.0


class StoryFailed(Exception):
    """A step did not behave as the story tells."""


def find(wanted: str | None = None) -> str:
    """The kubectl to run: the wanted one, the one in PATH, or one of `.tools/`; StoryFailed for none."""
    for candidate in [wanted] if wanted else ["kubectl", *(str(PROJECT / ".tools" / name) for name in TOOLS)]:
        if found := shutil.which(candidate):
            return found
    where = f"{wanted} cannot be run" if wanted else "there is none in PATH nor in .tools/"
    raise StoryFailed(f"No kubectl: {where}. Install kubectl 1.32 or newer, or run `make tools`.")


@dataclass(frozen=True, slots=True)
class Answer:
    """How a command ended and what it printed."""

    code: int
    output: str  # stdout
    errors: str  # stderr

    @property
    def text(self) -> str:
        """Everything it printed."""
        return self.output + self.errors


class Kubectl:
    """Runs kubectl with a kubeconfig that has a context for each workspace of the story."""

    def __init__(self, binary: str, kubeconfig: Path, cache: Path, say: Callable[[str], None]) -> None:
        """`cache` is an empty directory: what kubectl remembers of an earlier run would be wrong now."""
        self._binary = binary
        self._say = say
        self._environment = {
            **os.environ,
            "KUBECONFIG": str(kubeconfig),
            "KUBECACHEDIR": str(cache),
            "TMPDIR": str(cache),
        }

    def run(
        self,
        context: str,
        *arguments: str,
        stdin: str = "",
        environment: Mapping[str, str] | None = None,
        quiet: bool = False,
    ) -> Answer:
        """Run a command and show it with its output; StoryFailed when it does not end in time."""
        command = ["--context", context, *arguments]
        if not quiet:
            self._say(f"$ {shown(command, environment or {})}")
        try:
            done = subprocess.run(
                [self._binary, *command],
                input=stdin,
                capture_output=True,
                text=True,
                timeout=COMMAND_SECONDS,
                env={**self._environment, **(environment or {})},
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise StoryFailed(
                f"{shown(command, {})} did not end within {COMMAND_SECONDS:.0f} seconds."
            ) from None
        answer = Answer(done.returncode, done.stdout, done.stderr)
        if not quiet:
            self._say("".join(f"  {line}\n" for line in answer.text.splitlines()))
        return answer

    @contextlib.contextmanager
    def watching(self, context: str, *arguments: str) -> Iterator[Watch]:
        """A `get --watch` in the background for the length of the block."""
        command = ["--context", context, "get", *arguments, "--watch", "--output-watch-events"]
        self._say(f"$ {shown(command, {})} &\n")
        with subprocess.Popen(
            [self._binary, *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=self._environment,
        ) as process:
            try:
                yield Watch(context, process)
            finally:
                process.terminate()


class Watch:
    """The lines that a watch printed, collected as they come."""

    def __init__(self, context: str, process: subprocess.Popen[str]) -> None:
        self._context = context
        self._process = process
        self._lines: list[str] = []
        self._came = threading.Condition()
        threading.Thread(target=self._collect, daemon=True).start()

    def _collect(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._came:
                self._lines.append(line.rstrip("\n"))
                self._came.notify_all()

    def wait_for(self, *words: str, timeout_seconds: float = 20.0) -> str:
        """The first line that has all the words; StoryFailed when none comes in time."""
        deadline = time.monotonic() + timeout_seconds
        with self._came:
            while True:
                for line in self._lines:
                    if set(words) <= set(line.split()):
                        return line
                remaining = deadline - time.monotonic()
                if remaining <= 0:
                    seen = "\n".join(self._lines)
                    raise StoryFailed(f"The watch of {self._context} did not show {' '.join(words)}:\n{seen}")
                self._came.wait(remaining)


def shown(command: list[str], environment: Mapping[str, str]) -> str:
    """A command line as a person would type it."""
    variables = "".join(f"{name}={shlex.quote(value)} " for name, value in environment.items())
    return f"{variables}kubectl {shlex.join(str(part) for part in command)}"


def contexts(kubeconfig: Path, workspaces: Mapping[str, str]) -> tuple[str, str]:
    """A kubeconfig with one context a workspace (name: path), from one that reaches the server.

    Returns:
        Its text, and the server's URL without `/clusters`.

    Raises:
        StoryFailed: the kubeconfig cannot be read or has no current context.
    """
    try:
        config: dict[str, Any] = yaml.safe_load(kubeconfig.read_text())
        current = _named(config["contexts"], config["current-context"])["context"]
        cluster = _named(config["clusters"], current["cluster"])["cluster"]
        user = _named(config["users"], current["user"])
        base = cluster["server"].partition("/clusters/")[0]
    except OSError as error:
        raise StoryFailed(
            f"The kubeconfig {kubeconfig} cannot be read: {error.strerror}; is the server up?"
        ) from None
    except (yaml.YAMLError, LookupError, TypeError):
        raise StoryFailed(f"The kubeconfig {kubeconfig} has no usable current context.") from None
    made = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": name, "cluster": {**cluster, "server": f"{base}/clusters/{path}"}}
            for name, path in workspaces.items()
        ],
        "users": [user],
        "contexts": [
            {"name": name, "context": {"cluster": name, "user": user["name"]}} for name in workspaces
        ],
        "current-context": next(iter(workspaces)),
    }
    return yaml.safe_dump(made, sort_keys=False), base


def _named(entries: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(entry for entry in entries if entry["name"] == name)


@contextlib.contextmanager
def cache_directory() -> Iterator[Path]:
    """An empty directory for what kubectl remembers of discovery."""
    with tempfile.TemporaryDirectory(prefix="kcpcache-demo-") as directory:
        yield Path(directory)
