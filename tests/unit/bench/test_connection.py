"""The cheap HTTP/1.1 client: answers in any pieces, whole or chunked, and requests as they go over the wire."""

from __future__ import annotations

import pytest

from bench import connection
from bench.target import Target

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
WITH_LENGTH = HEAD + b'Content-Length: 11\r\nETag: "abc"\r\n\r\nhello world'
CHUNKED = HEAD + b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\n\r\n"


@pytest.mark.parametrize("answer", [WITH_LENGTH, CHUNKED])
@pytest.mark.parametrize("piece_bytes", [1, 2, 7, 1000])
def test_an_answer_may_come_in_any_pieces(answer: bytes, piece_bytes: int) -> None:
    parser = connection.Parser()
    parser.kept = []
    pieces = [answer[start : start + piece_bytes] for start in range(0, len(answer), piece_bytes)]
    done = [parser.feed(piece) for piece in pieces]
    first = done.index(True)
    assert b"".join(pieces[: first + 1]) in (answer, answer[:-1], answer[:-2])
    assert (parser.status, parser.length, b"".join(parser.kept)) == (200, 11, b"hello world")


def test_one_answer_after_the_other_begins_anew() -> None:
    parser = connection.Parser()
    for _ in range(2):
        parser.begin()
        assert parser.feed(WITH_LENGTH)
        assert parser.length == 11


def test_the_etag_is_read_when_the_body_is_kept() -> None:
    parser = connection.Parser()
    parser.kept = []
    parser.feed(WITH_LENGTH)
    assert parser.etag == '"abc"'


def test_an_answer_without_a_body_is_complete_with_its_head() -> None:
    parser = connection.Parser()
    assert parser.feed(b'HTTP/1.1 304 Not Modified\r\netag: "abc"\r\n\r\n')
    assert (parser.status, parser.length) == (304, 0)


@pytest.mark.parametrize("answer", [b"HTTP/2 200\r\n\r\n", HEAD + b"\r\n"])
def test_what_is_no_complete_answer_is_refused(answer: bytes) -> None:
    with pytest.raises(connection.Broken):
        connection.Parser().feed(answer)


def test_a_request_has_credentials_and_the_length_of_its_body() -> None:
    target = Target("https://127.0.0.1:6443", "secret")
    request = connection.encode(target, "PATCH", "/x", {"a": 1}, content_type="application/merge-patch+json")
    head, _, body = request.partition(b"\r\n\r\n")
    assert head.split(b"\r\n") == [
        b"PATCH /x HTTP/1.1",
        b"Host: 127.0.0.1:6443",
        b"Authorization: Bearer secret",
        b"Accept: application/json",
        b"content-type: application/merge-patch+json",
        b"Content-Length: 7",
    ]
    assert body == b'{"a":1}'
