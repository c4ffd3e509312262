"""The bounds of a request, over real sockets against the real web server."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from supervisor import connections
from tests import servers
from tests.waiting import until

HEAD_SECONDS, BODY_SECONDS = 1.0, 1.5


@contextlib.contextmanager
def web_process(*bounds: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """The process and its port."""
    port = servers.free_port()
    command = [sys.executable, "-m", "tests.unit.supervisor.webprocess", str(port), *bounds]
    with subprocess.Popen(command, cwd=servers.PROJECT, stderr=subprocess.DEVNULL) as process:

        def listens() -> bool:
            assert process.poll() is None
            with contextlib.suppress(ConnectionRefusedError), connected(port):
                return True
            return False

        try:
            until(listens, what="the web server")
            yield process, port
        finally:
            process.kill()


@contextlib.contextmanager
def connected(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        yield connection


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """The port of a web server whose patience is short."""
    with web_process(f"HEAD_SECONDS={HEAD_SECONDS}", f"BODY_SECONDS={BODY_SECONDS}") as (_, port):
        yield port


def rest(connection: socket.socket) -> bytes:
    """All that the server sends until it closes; TimeoutError when it does not."""
    received = bytearray()
    with contextlib.suppress(ConnectionError):  # a server that does not read on resets the connection
        while piece := connection.recv(65536):
            received += piece
    return bytes(received)


def answered(connection: socket.socket, ending: bytes = b" bytes\r\n0\r\n\r\n") -> bytes:
    """One answer in chunks, on a connection that stays."""
    received = bytearray()
    while not received.endswith(ending):
        piece = connection.recv(65536)
        assert piece, f"closed after {bytes(received)!r}"
        received += piece
    return bytes(received)


def is_silent(connection: socket.socket, seconds: float) -> bool:
    """Whether the server neither sends nor closes for so long."""
    connection.settimeout(seconds)
    try:
        connection.recv(1)
    except TimeoutError:
        return True
    finally:
        connection.settimeout(20)
    return False


def head(*lines: str, method: str = "GET", path: str = "/") -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "host: x", *lines, "", ""]).encode()


def flooded(port: int, beginning: bytes, piece: bytes) -> int:
    """Send without end; how many bytes the server took before it closed."""
    with connected(port) as connection:
        connection.sendall(beginning)
        sent_bytes = 0
        with contextlib.suppress(ConnectionError):
            while sent_bytes < 200 * 2**20:
                connection.sendall(piece)
                sent_bytes += len(piece)
        return sent_bytes


def test_a_hundred_headers_of_64_kib_are_served(port: int) -> None:
    large = "v" * 600
    with connected(port) as connection:
        for path in ("/", "/?" + "q" * 4000):  # the bounds are those of one request, not of a connection
            connection.sendall(head(*(f"a{number}: {large}" for number in range(99)), path=path))
            assert answered(connection).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    "request_head",
    [
        head(*(["a: b"] * 100)),  # and the host
        head("a: " + "b" * 65_600),
        head(path="/" + "p" * 65_600),
        head(*(["a: " + "b" * 700] * 99)),
    ],
    ids=["lines", "value", "url", "sum"],
)
def test_larger_heads_are_431(port: int, request_head: bytes) -> None:
    with connected(port) as connection:
        connection.sendall(request_head)
        assert rest(connection).startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")


@pytest.mark.parametrize("request_head", [b"nonsense\r\n\r\n", head(path="http://[")], ids=["line", "url"])
def test_what_cannot_be_parsed_is_400(port: int, request_head: bytes) -> None:
    with connected(port) as connection:
        connection.sendall(request_head)
        assert rest(connection).startswith(b"HTTP/1.1 400 Bad Request\r\n")


def test_head_that_is_too_large_does_not_break_into_an_answer_that_is_being_sent(port: int) -> None:
    with connected(port) as connection:
        connection.sendall(head(path="/open"))
        assert answered(connection, b"open\r\n").startswith(b"HTTP/1.1 200 ")
        connection.sendall(head("a: " + "b" * 65_600))
        assert rest(connection) == b""


@pytest.mark.parametrize(
    ("beginning", "piece"),
    [
        (b"GET / HTTP/1.1\r\n", b"a:bbbb\r\n" * 8000),
        (b"GET /", b"p" * 65_536),
        (b"GET / HTTP/1.1\r\na: ", b"v" * 65_536),
        (b"GET / HTTP/1.1\r\n", b"n" * 65_536),
        (head("transfer-encoding: chunked") + b"0\r\n", b"a:bbbb\r\n" * 8000),
    ],
    ids=["lines", "url", "value", "name", "trailers"],
)
def test_endless_heads_are_cut_off(port: int, beginning: bytes, piece: bytes) -> None:
    assert flooded(port, beginning, piece) < 20 * 2**20  # most of it in the buffers of both sockets


@pytest.mark.parametrize(
    ("framing", "piece"),
    [
        ("content-length: 999999999999", b"x" * 65_536),
        ("transfer-encoding: chunked", b"1;" + b"e" * 65_536 + b"\r\nx\r\n"),
    ],
    ids=["body", "chunk extensions"],
)
def test_endless_bodies_are_cut_off(port: int, framing: str, piece: bytes) -> None:
    sent_bytes = flooded(port, head(framing, method="POST"), piece)
    assert connections.MAX_BODY_BYTES < sent_bytes + 2**20 < 2 * connections.MAX_BODY_BYTES


@pytest.mark.parametrize(
    "beginning", [b"", b"\r\n", b"GET / HT", head()[:-2]], ids=["nothing", "line", "part", "almost all"]
)
def test_client_that_does_not_say_what_it_wants_is_closed(port: int, beginning: bytes) -> None:
    with connected(port) as connection:
        connection.sendall(beginning)
        began = time.monotonic()
        assert rest(connection) == b""
        assert time.monotonic() - began < 10 * HEAD_SECONDS


def trickle(connection: socket.socket, content: bytes, pause_seconds: float) -> bytes:
    """Send a byte at a time until the server answers or closes; its answer."""
    connection.settimeout(pause_seconds)
    for byte in content:
        with contextlib.suppress(TimeoutError):
            connection.sendall(bytes([byte]))
            return connection.recv(65536)
    raise AssertionError("the server took it all")


def test_head_that_trickles_is_closed(port: int) -> None:
    with connected(port) as connection, contextlib.suppress(ConnectionError):
        assert trickle(connection, head("a: " + "b" * 1000)[:-4], 0.05) == b""


def test_later_request_of_a_connection_has_its_own_time(port: int) -> None:
    with connected(port) as connection:
        connection.sendall(head())
        answered(connection)
        assert is_silent(connection, 2 * HEAD_SECONDS)
        connection.sendall(head()[:-2])
        assert rest(connection) == b""


@pytest.mark.parametrize("framing", ["content-length: 3000", "transfer-encoding: chunked"])
def test_body_that_trickles_is_408(port: int, framing: str) -> None:
    with connected(port) as connection:
        connection.sendall(head(framing, method="POST"))
        content = b"1\r\nx\r\n" * 500
        assert trickle(connection, content, 0.05).startswith(b"HTTP/1.1 408 Request Timeout\r\n")


def test_slow_body_that_makes_progress_is_taken(port: int) -> None:
    parts, part = 12, b"x" * (256 * 1024)
    with connected(port) as connection:
        connection.sendall(head(f"content-length: {parts * len(part)}", method="POST"))
        for _ in range(parts - 1):
            connection.sendall(part)
            assert is_silent(connection, BODY_SECONDS / 4)
        connection.sendall(part)
        assert f"{parts * len(part)} bytes".encode() in answered(connection)


def test_answer_that_takes_long_is_not_timed(port: int) -> None:
    with connected(port) as connection:
        connection.sendall(head(path="/open"))
        answered(connection, b"open\r\n")
        connection.sendall(b"\r\n")  # as some clients do after a body
        assert is_silent(connection, 2 * HEAD_SECONDS)
