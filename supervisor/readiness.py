"""Whether the web process answers: asked as a client would, with the certificate checked.

`python -m supervisor.readiness` is the health check of the web process that has the same environment.
"""

from __future__ import annotations

import socket
import ssl
import sys
from pathlib import Path

from supervisor.errors import StartRefused

LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - listening everywhere includes the loopback


def is_ready() -> bool:
    """Whether the web process that the environment describes is ready."""
    from kcpcache import settings

    # A certificate that was given need not be valid for the loopback.
    name = settings.KCPCACHE_SERVER_NAMES[-1] if settings.KCPCACHE_TLS_CERT_FILE else "localhost"
    authority = Path(settings.KCPCACHE_AUTHORITY_FILE)
    return ready(settings.KCPCACHE_HOST, settings.KCPCACHE_PORT, authority, name)


def ready(host: str, port: int, authority: Path, name: str = "localhost") -> bool:
    """Whether ``/readyz`` answers 200 within two seconds; `name` is the one to be found in the certificate."""
    context = ssl.create_default_context(cafile=str(authority))
    try:
        with (
            socket.create_connection((LOOPBACK.get(host, host), port), timeout=2.0) as plain,
            context.wrap_socket(plain, server_hostname=name) as connection,
        ):
            connection.sendall(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            return connection.recv(64).split(b" ")[1:2] == [b"200"]
    except OSError:
        return False


def refuse_taken_port(host: str, port: int) -> None:
    """Fail early, with a sentence, when the web process could not listen; StartRefused."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror:
        raise StartRefused(f"KCPCACHE_HOST {host!r} is not the name or address of this machine.") from None
    for family, kind, protocol, _, address in found:
        try:
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                probe.bind(address)
        except OSError as error:
            reason = (error.strerror or "it cannot be used").lower()
            raise StartRefused(f"Cannot listen on {host} port {port}: {reason}.") from None


if __name__ == "__main__":
    sys.exit(not is_ready())
