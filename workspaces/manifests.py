"""Manifests: the YAML and JSON files that people keep, read as kubectl reads them, one document at a time.

A file is cut into documents before anything is parsed, so that one bad document does not hide the others and
a large file is never held as objects all at once.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from kcpcache.apimachinery import errors, strict
from kcpcache.apimachinery.objects import JSONObject

SUFFIXES = (".json", ".yaml", ".yml")
STANDARD_INPUT = "-"

_SEPARATOR = re.compile(rb"^---(?=\s|$)", re.MULTILINE)


class ManifestError(Exception):
    """A file, or a document of it, that cannot be read."""


@dataclass(frozen=True, slots=True)
class Document:
    """One document as text: `source` is the file as it was named, `number` counts from 1 in it."""

    source: str
    number: int
    text: bytes

    def __str__(self) -> str:
        return f"{self.source}, document {self.number}"


def files(argument: str) -> list[Path]:
    """The files that one ``-f`` names: itself, or what lies below a folder; ManifestError for nothing."""
    path = Path(argument)
    if not path.is_dir():
        if not path.exists():
            raise ManifestError(f"the path {argument!r} does not exist")
        return [path]
    found = sorted(file for file in path.rglob("*") if file.suffix in SUFFIXES and file.is_file())
    if not found:
        raise ManifestError(f"the folder {argument!r} has no {', '.join(SUFFIXES)} files")
    return found


def documents(arguments: Iterable[str]) -> Iterator[Document]:
    """The documents of all files, folders and (``-``) standard input, in order; empty ones are left out."""
    for argument in arguments:
        if argument == STANDARD_INPUT:
            yield from split("standard input", sys.stdin.buffer.read())
            continue
        for file in files(argument):
            try:
                content = file.read_bytes()
            except OSError as error:
                raise ManifestError(f"the file {str(file)!r} cannot be read: {error.strerror}") from None
            yield from split(str(file), content)


def split(source: str, content: bytes) -> Iterator[Document]:
    """Cut a file into its documents."""
    number = 0
    for part in _SEPARATOR.split(content):
        for text in _json_texts(part) if part.lstrip()[:1] == b"{" else [part]:
            if not _is_empty(text):
                number += 1
                yield Document(source, number, text)


def _json_texts(content: bytes) -> Iterator[bytes]:
    """Objects that stand one behind the other, on lines or not; what is no JSON is one text, told later."""
    try:
        orjson.loads(content)
    except orjson.JSONDecodeError:
        yield from _concatenated(content)
    else:
        yield content


def _concatenated(content: bytes) -> Iterator[bytes]:
    text = content.decode(errors="replace")
    decoder, position, end = json.JSONDecoder(), 0, len(text)
    while position < end:
        if text[position].isspace():
            position += 1
            continue
        try:
            _, following = decoder.raw_decode(text, position)
        except (ValueError, RecursionError):
            following = end
        yield text[position:following].encode()
        position = following


def _is_empty(text: bytes) -> bool:
    return all(not line.strip() or line.lstrip().startswith(b"#") for line in text.splitlines())


def parse(document: Document) -> tuple[list[JSONObject], list[str]]:
    """The objects of a document, read as the API reads a body, and messages such as ``duplicate field "spec.a"``.

    There is one object, those of a list, or none. ManifestError for what cannot be read.
    """
    try:
        obj, duplicates = strict.decode_document(document.text)
    except errors.BadRequest as error:
        raise ManifestError(error.message) from None
    return ([] if obj is None else _listed(obj)), duplicates


def _listed(obj: JSONObject) -> list[JSONObject]:
    items = obj.get("items") if str(obj.get("kind", "")).endswith("List") else None
    found = items if isinstance(items, list) else [obj]
    for item in found:
        _check(item)
    return found


def _check(obj: Any) -> None:
    """An object has an apiVersion, a kind and a name, or it cannot be addressed."""
    if not isinstance(obj, dict):
        raise ManifestError("is not an object")
    for field in ("apiVersion", "kind"):
        if not isinstance(obj.get(field), str) or not obj[field]:
            raise ManifestError(f"{field} not set")
    metadata = obj.get("metadata")
    if not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str) or not metadata["name"]:
        raise ManifestError("metadata.name not set")
