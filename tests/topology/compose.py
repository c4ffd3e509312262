"""docker-compose.yml as the tests read it: what each service runs, with which environment, and what checks it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from tests.servers import PROJECT

_VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?::(?P<operator>[-?])(?P<word>[^}]*))?\}")


@dataclass(frozen=True)
class Service:
    """One service. `volumes` are names of volumes by the directory where they are mounted.

    `is_built` says that its image is ours.
    """

    name: str
    is_built: bool
    command: list[str]
    environment: dict[str, str]
    health: list[str]
    volumes: dict[str, str]
    waits_for: dict[str, str]


def load(variables: Mapping[str, str]) -> dict[str, Service]:
    """Every service of the file, `${…}` replaced as Compose does it, with the image's own environment."""
    document = _interpolated(yaml.safe_load((PROJECT / "docker-compose.yml").read_text()), variables)
    return {name: _service(name, found) for name, found in document["services"].items()}


def image_environment() -> dict[str, str]:
    """The ENV lines of our Dockerfile."""
    lines = (PROJECT / "Dockerfile").read_text().splitlines()
    words = [word for line in lines if line.startswith("ENV ") for word in shlex.split(line)[1:]]
    return dict(word.split("=", 1) for word in words)


def _service(name: str, found: Mapping[str, Any]) -> Service:
    given = {key: str(value) for key, value in (found.get("environment") or {}).items()}
    test = (found.get("healthcheck") or {}).get("test") or []
    mounts = (volume.split(":") for volume in found.get("volumes") or [])
    return Service(
        name=name,
        is_built="build" in found,
        command=[str(part) for part in found.get("command") or []],
        environment={**image_environment(), **given} if "build" in found else given,
        health=["sh", "-c", test[1]] if test[:1] == ["CMD-SHELL"] else test[1:],
        volumes={directory: volume for volume, directory in mounts},
        waits_for={other: how["condition"] for other, how in (found.get("depends_on") or {}).items()},
    )


def _interpolated(value: Any, variables: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _interpolated(each, variables) for key, each in value.items()}
    if isinstance(value, list):
        return [_interpolated(each, variables) for each in value]
    if isinstance(value, str):
        return _VARIABLE.sub(lambda match: _value(match, variables), value)
    return value


def _value(match: re.Match[str], variables: Mapping[str, str]) -> str:
    if found := variables.get(match["name"]):
        return found
    assert match["operator"] == "-", f"{match['name']} must be given: {match['word']}"
    return match["word"]
