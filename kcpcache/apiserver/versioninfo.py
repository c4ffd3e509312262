"""Which versions the server says it is: a Kubernetes-like one, for clients that check, and its own."""

from __future__ import annotations

import platform

import kcpcache
from kcpcache.apimachinery.objects import JSONObject

PROJECT_VERSION = kcpcache.__version__
KUBERNETES_MAJOR, KUBERNETES_MINOR = "1", "36"
KUBERNETES_VERSION = f"v{KUBERNETES_MAJOR}.{KUBERNETES_MINOR}.0"


def document() -> JSONObject:
    """`/version`, in the shape of `version.Info`."""
    return {
        "major": KUBERNETES_MAJOR,
        "minor": KUBERNETES_MINOR,
        "gitVersion": f"{KUBERNETES_VERSION}+kcpcache-v{PROJECT_VERSION}",
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "",
        "compiler": f"python{platform.python_version()}",
        "platform": f"{platform.system().lower()}/{_MACHINES.get(platform.machine(), platform.machine())}",
    }


_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}
