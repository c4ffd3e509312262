"""The wheel and what it says it needs are enough to run everything, from anywhere."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests import servers
from tests.servers import PROJECT, Server
from tests.tools import kubectl

pytestmark = pytest.mark.e2e


def test_the_wheel_runs_the_story_with_its_own_requirements_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = environment(tmp_path / "venv", installed(stated(PROJECT / "requirements.txt")))
    missing = subprocess.run([python, "-c", "import pytest"], capture_output=True, check=False)
    assert missing.returncode, "the environment has what only tests need, so it would prove nothing"
    install_wheel(tmp_path / "wheel", python)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.setenv("PATH", os.defpath)  # the command alone finds its interpreter
    server = Server(tmp_path / "data")
    server.commands = [str(python.with_name("kcpcache"))]
    try:
        server.start()
        assert (
            "went as it should"
            in server.manage("demo", "--kubectl", str(kubectl.kubectl(servers.NEWEST))).stdout
        )
        for command in ("status", "doctor", "verify_replica", "check"):
            server.manage(command)
        server.manage("backup", str(tmp_path / "backup"))
        for page in ("/metrics", "/api/", "/api/schema/?format=json", "/static/workspaces/admin.css"):
            server.kubectl("get", "--raw", page, "--server", server.url)
        server.kubectl("explain", "configmaps.data", workspace="root")
    finally:
        assert server.stop() == 0
    assert "ModuleNotFoundError" not in server.log.read_text()


def install_wheel(directory: Path, python: Path) -> None:
    """Build the project's wheel from a copy of what git knows, and install it into an environment."""
    source = directory / "source"
    source.mkdir(parents=True)
    files = subprocess.run(["git", "ls-files", "-z"], cwd=PROJECT, capture_output=True, check=True).stdout
    archive = ["tar", "--create", "--null", "--files-from=-", "--ignore-failed-read"]
    packed = subprocess.run(archive, cwd=PROJECT, input=files, capture_output=True, check=True).stdout
    subprocess.run(["tar", "--extract"], cwd=source, input=packed, check=True)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run(
        [*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(directory), str(source)],
        check=True,
    )
    (wheel,) = directory.glob("kcpcache-*.whl")
    subprocess.run([*pip, "--python", str(python), "install", "--no-deps", str(wheel)], check=True)


def stated(file: Path) -> list[Requirement]:
    """The lines of a requirements file."""
    lines = (line.partition("#")[0].strip() for line in file.read_text().splitlines())
    return [Requirement(line) for line in lines if line]


def installed(wanted: Iterable[Requirement]) -> list[metadata.Distribution]:
    """The distributions that requirements install, with what those need themselves."""
    found: dict[tuple[str, frozenset[str]], metadata.Distribution] = {}
    waiting = list(wanted)
    while waiting:
        requirement = waiting.pop()
        key = (requirement.name.lower(), frozenset(requirement.extras))
        if key in found:
            continue
        found[key] = distribution = metadata.distribution(requirement.name)
        needed = [Requirement(text) for text in distribution.requires or ()]
        waiting += [each for each in needed if applies(each, requirement.extras)]
    return list(found.values())


def applies(needed: Requirement, extras: Iterable[str]) -> bool:
    """Whether what a distribution says it needs is needed here, where it is wanted with some extras."""
    marker = needed.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras))


def environment(directory: Path, distributions: Iterable[metadata.Distribution]) -> Path:
    """A virtual environment with links to some of our own environment's distributions; its Python."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(directory)], check=True)
    (packages,) = directory.glob("lib/python*/site-packages")
    for distribution in distributions:
        for name in {file.parts[0] for file in distribution.files or ()} - {"..", "__pycache__"}:
            link = packages / name
            if not link.is_symlink():
                link.symlink_to(str(distribution.locate_file(name)))
    return directory / "bin" / "python"
