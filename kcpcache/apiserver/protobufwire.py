"""The protocol buffers wire format: reading by field tables, and writing single fields.

Source: protobuf.dev, "Encoding".
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5


class Malformed(ValueError):
    """The bytes are no protocol buffers message."""


def read(message: bytes) -> Iterator[tuple[int, int, int | bytes]]:
    """Each field of a message, in order: number, wire type, and the integer or bytes it holds; Malformed."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        number, wire_type = tag >> 3, tag & 7
        if number == 0:
            raise Malformed("field number 0")
        if wire_type == VARINT:
            value, at = _varint(message, at)
            yield number, wire_type, value
            continue
        if wire_type == BYTES:
            size, at = _varint(message, at)
        elif wire_type in (FIXED64, FIXED32):
            size = 8 if wire_type == FIXED64 else 4
        else:
            raise Malformed(f"wire type {wire_type}")
        if at + size > len(message):
            raise Malformed("truncated message")
        yield number, wire_type, message[at : at + size]
        at += size


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(message):
            raise Malformed("truncated message")
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, at
    raise Malformed("a varint of more than ten bytes")


def signed(value: int) -> int:
    """An int32 or int64 field as the number it stands for."""
    return value - (1 << 64) if value >= 1 << 63 else value


def varint(value: int) -> bytes:
    """A number (negative ones as 64-bit two's complement) as a varint."""
    value &= 0xFFFFFFFFFFFFFFFF
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def field_bytes(number: int, value: bytes) -> bytes:
    """A field of bytes, or of an encoded message."""
    return varint(number << 3 | BYTES) + varint(len(value)) + value


def field_text(number: int, value: str) -> bytes:
    """A string field; left out when it is empty."""
    return field_bytes(number, value.encode()) if value else b""


def field_number(number: int, value: int) -> bytes:
    """An integer or boolean field; left out when it is 0."""
    return varint(number << 3 | VARINT) + varint(int(value)) if value else b""


def field_double(number: int, value: float) -> bytes:
    """A double field; left out when it is 0."""
    return varint(number << 3 | FIXED64) + struct.pack("<d", value) if value else b""
