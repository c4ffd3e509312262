"""Puts many objects into a workspace: by the bulk path where the data directory is here, else by POSTs."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from typing import Any

from bench import closedloop, connection, manifests
from bench.api import Unexpected
from bench.instance import PROJECT, Instance

CLIENTS = 8
BULK_FROM = 500  # objects; for fewer a management command is slower than requests
LONGEST_SECONDS = 600.0


def load(instance: Instance, workspace_path: str, count: int) -> None:
    """Create the flavours 1 to `count`; Unexpected when any of them is refused."""
    if instance.data_dir is not None and count >= BULK_FROM:
        _apply(instance, workspace_path, count)
    elif count:
        _post(instance, workspace_path, count)


def _apply(instance: Instance, workspace_path: str, count: int) -> None:
    with tempfile.NamedTemporaryFile("w", suffix=".yaml", prefix="kcpcache-bench-") as file:
        for number in range(1, count + 1):
            file.write(f"---\n{json.dumps(manifests.flavour(number))}\n")
        file.flush()
        command = [sys.executable, str(PROJECT / "manage.py"), "apply", "-f", file.name]
        done = subprocess.run(
            [*command, "--workspace", workspace_path, "--output", "json"],
            env=instance.environment(),
            capture_output=True,
            text=True,
            timeout=LONGEST_SECONDS,
            check=False,
        )
    summary: dict[str, Any] = json.loads(done.stdout) if done.returncode == 0 else {}
    if summary.get("created", 0) + summary.get("unchanged", 0) != count:
        raise Unexpected(f"manage.py apply stored {summary or 'nothing'} of {count}: {done.stderr[-500:]}")


def _post(instance: Instance, workspace_path: str, count: int) -> None:
    path = f"/clusters/{workspace_path}{manifests.FLAVOURS_PATH}"
    requests = [
        connection.encode(instance.target, "POST", path, manifests.flavour(number))
        for number in range(1, count + 1)
    ]
    job = closedloop.Job(
        instance.target, requests, min(CLIENTS, count), LONGEST_SECONDS, repeat=False, expected=(201,)
    )
    samples = closedloop.run(job)
    if len(samples.latencies) != count:
        raise Unexpected(
            f"{len(samples.latencies)} of {count} objects were created; refused: {samples.refused}"
        )
