"""The files that pages load."""

from __future__ import annotations

from django.test import Client

FILE = "/static/workspaces/admin.css"


def test_files_are_answered_whole_with_type_and_length() -> None:
    answer = Client(headers={"host": "localhost"}).get(FILE)
    assert answer.status_code == 200 and not answer.streaming
    assert answer.headers["Content-Type"].startswith("text/css")
    assert int(answer.headers["Content-Length"]) == len(answer.content) > 1000


def test_a_file_that_did_not_change_is_not_sent_again() -> None:
    client = Client(headers={"host": "localhost"})
    modified = client.get(FILE).headers["Last-Modified"]
    answer = client.get(FILE, headers={"if-modified-since": modified})
    assert (answer.status_code, answer.content) == (304, b"")


def test_a_part_of_a_file_is_sent() -> None:
    answer = Client(headers={"host": "localhost"}).get(FILE, headers={"range": "bytes=0-9"})
    assert answer.status_code == 206 and len(answer.content) == 10


def test_head_sends_no_content() -> None:
    answer = Client(headers={"host": "localhost"}).head(FILE)
    assert (answer.status_code, answer.content) == (200, b"") and int(answer.headers["Content-Length"]) > 1000
