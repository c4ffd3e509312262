"""What strangers send wrongly leaves no traceback in the log of a server, and few lines."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import struct
from collections.abc import Iterator

import pytest

from tests.servers import Server
from tests.waiting import until

pytestmark = pytest.mark.e2e

REPEATED = 10
MOST_LINES = 1  # in a minute, for each kind

BAD = {
    "no HTTP": b"\x00\x01\x02 nothing\r\n\r\n",
    "a bad version": b"GET / HTTP/9.9\r\n\r\n",
    "a bad host": b"GET /api/ HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    "a bad host in a browser": b"GET /admin/ HTTP/1.1\r\nHost: evil.example\r\nAccept: text/html\r\n\r\n",
    "a host that is none": b"GET /metrics HTTP/1.1\r\nHost: a b/c\r\n\r\n",
    "no host": b"GET /api/ HTTP/1.0\r\n\r\n",
    "bad percents": b"GET /admin/%zz%ff%00?q=%ff HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "bad percents for the API": b"GET /clusters/root%ff%00/api/v1 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a bad length": b"POST /admin/login/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: many\r\n\r\n",
    "an upgrade": b"GET /api/ HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    "a bad form": b"POST /admin/login/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data\r\n"
    b"Content-Length: 5\r\n\r\nhello",
    "a bad encoding": b"POST /admin/login/ HTTP/1.1\r\nHost: localhost\r\n"
    b"Content-Type: application/x-www-form-urlencoded; charset=none\r\nContent-Length: 5\r\n\r\na=%ff",
    "a bad cookie": b"GET /admin/ HTTP/1.1\r\nHost: localhost\r\nCookie: sessionid=\xff\xfe; =;;\r\n\r\n",
}
UNFINISHED = (
    b"POST /admin/login/ HTTP/1.1\r\nHost: localhost\r\n"
    b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 5000\r\n\r\nhello"
)


@contextlib.contextmanager
def connected(server: Server) -> Iterator[ssl.SSLSocket]:
    """A connection as any stranger can have it."""
    context = ssl.create_default_context(cafile=str(server.authority))
    with (
        socket.create_connection(("127.0.0.1", server.port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as wrapped,
    ):
        yield wrapped


def said_since(server: Server, begins: int) -> str:
    """What the web process has printed since the log had this size."""
    lines = server.log.read_bytes()[begins:].decode(errors="replace").splitlines()
    return "\n".join(line for line in lines if line.startswith("web"))


@pytest.mark.parametrize("name", BAD)
def test_bad_request_is_answered_and_makes_few_lines(server: Server, name: str) -> None:
    begins = server.log.stat().st_size
    for _ in range(REPEATED):
        with connected(server) as connection:
            connection.sendall(BAD[name])
            head = connection.recv(4096).decode(errors="replace")
            status = int(head.split()[1])
            assert 200 <= status < 500, head
    text = said_since(server, begins)
    assert "Traceback" not in text, text
    assert len(text.splitlines()) <= MOST_LINES, text


def test_bad_host_is_a_status_that_says_what_to_do(server: Server) -> None:
    with connected(server) as connection:
        connection.sendall(BAD["a bad host"].replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        answer = b""
        while piece := connection.recv(4096):
            answer += piece
    assert b" 400 " in answer.splitlines()[0]
    status = json.loads(answer[answer.index(b"{") : answer.rindex(b"}") + 1])  # it comes in chunks
    assert (status["kind"], status["reason"]) == ("Status", "BadRequest")
    assert "KCPCACHE_ALLOWED_HOSTS" in status["message"]


@pytest.mark.parametrize("is_reset", [False, True])
def test_client_that_goes_away_makes_no_line(server: Server, is_reset: bool) -> None:
    begins = server.log.stat().st_size
    for _ in range(REPEATED):
        with connected(server) as connection:
            connection.sendall(UNFINISHED)
            if is_reset:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\n\r\n")  # where TLS is expected
    until(lambda: server.kubectl("get", "--raw", "/livez").stdout == "ok", what="another answer")
    assert not said_since(server, begins)
