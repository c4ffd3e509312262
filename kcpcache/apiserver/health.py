"""`/livez`, `/readyz` and `/healthz`, in kube-apiserver's words; the only answers that need no credentials."""

from __future__ import annotations

from collections.abc import Sequence

from kcpcache.apiserver import backend
from kcpcache.apiserver.exchange import Response

PATHS = ("/livez", "/readyz", "/healthz")


def check(path: str, *, verbose: bool, stopping: bool) -> Response:
    """Liveness answers from here; readiness asks the backend and may block. Problems are named, not shown."""
    results: list[tuple[str, str]] = [("ping", "")]
    if path != "/livez":
        results += backend.backend().healthy()
        results.append(("shutdown", "in progress" if stopping else ""))
    return _respond(path.strip("/"), results, verbose=verbose)


def _respond(name: str, results: Sequence[tuple[str, str]], *, verbose: bool) -> Response:
    failed = [check for check, problem in results if problem]
    headers = [
        ("content-type", "text/plain; charset=utf-8"), ("cache-control", "no-cache, private"),
        ("x-content-type-options", "nosniff"),
    ]  # fmt: skip
    if not failed and not verbose:
        return Response(200, headers, [b"ok"])
    lines = [
        f"[-]{check} failed: reason withheld" if problem else f"[+]{check} ok" for check, problem in results
    ]
    lines.append(f"{name} check {'failed' if failed else 'passed'}")
    return Response(500 if failed else 200, headers, ["\n".join([*lines, ""]).encode()])
