from __future__ import annotations

import pytest

from kcpcache.apiserver import warningheaders


def test_each_message_is_sent_once_and_in_order() -> None:
    assert warningheaders.values(["b", "a", "", "b"]) == ['299 - "b"', '299 - "a"']


@pytest.mark.parametrize(
    ("message", "sent"),
    [
        ('a "b" \\c', r'299 - "a \"b\" \\c"'), ("a\r\nb\tc", '299 - "a b c"'), ("a\0b\x01\x7f", '299 - "a?b??"'),
        ("\ud800", '299 - "?"'), ("spec.größe", '299 - "spec.größe"'),
    ],
)  # fmt: skip
def test_what_cannot_be_in_a_header_is_replaced(message: str, sent: str) -> None:
    assert warningheaders.values([message]) == [sent]


def test_long_message_alone_is_whole_and_among_others_cut() -> None:
    assert warningheaders.values(["x" * 4096]) == [f'299 - "{"x" * 4096}"']
    assert warningheaders.values(["x" * 4096, "y"]) == [f'299 - "{"x" * 256}"', '299 - "y"']


def test_many_messages_stay_within_what_clients_take() -> None:
    short = warningheaders.values([f"unknown field {number}" for number in range(10_000)])
    assert len(short) == warningheaders.MAX_LINES
    long = warningheaders.values([f"{number} {'x' * 10_000}" for number in range(10_000)])
    assert len(long) == warningheaders.MAX_CHARACTERS // warningheaders.MAX_ITEM_CHARACTERS
    assert len(warningheaders.values([f"{number:04}" for number in range(40)])) == 40
