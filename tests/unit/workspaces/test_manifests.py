"""Manifest files: how they are found, cut into documents and parsed."""

from __future__ import annotations

from pathlib import Path

import pytest

from workspaces import manifests
from workspaces.manifests import Document, ManifestError


def texts(content: bytes) -> list[bytes]:
    return [document.text.strip() for document in manifests.split("file", content)]


def parsed(content: bytes) -> list[object]:
    return [obj for document in manifests.split("file", content) for obj in manifests.parse(document)[0]]


def test_documents_are_cut_at_lines_of_dashes() -> None:
    assert texts(b"---\na: 1\n---\nb: 2\n--- # three\nc: 3\n") == [b"a: 1", b"b: 2", b"# three\nc: 3"]


def test_dashes_inside_a_line_or_an_indented_text_do_not_cut() -> None:
    assert texts(b"a: |\n  x\n  ---\n  y\nb: ---x\n") == [b"a: |\n  x\n  ---\n  y\nb: ---x"]


def test_documents_without_content_are_not_counted() -> None:
    found = list(manifests.split("file", b"# only a comment\n---\n\n---\na: 1\n"))
    assert [(document.number, document.text.strip()) for document in found] == [(1, b"a: 1")]


def test_json_objects_may_follow_one_another() -> None:
    assert texts(b'{"a": 1}{"b": 2}\n\n{"c":\n3}') == [b'{"a": 1}', b'{"b": 2}', b'{"c":\n3}']


def test_documents_that_say_nothing_have_no_objects() -> None:
    assert parsed(b"null\n---\n~") == []


def test_numbers_are_those_that_the_api_stores() -> None:
    (obj,) = parsed(
        b"{apiVersion: v1, kind: A, metadata: {name: a}, big: 99999999999999999999, hex: 0x10, at: 12:30}"
    )
    assert (obj["big"], obj["hex"], obj["at"]) == (1e20, 16, "12:30")  # type: ignore[index]


def test_list_is_expanded() -> None:
    listed = (
        b"apiVersion: v1\nkind: List\nitems:\n"
        b"- {apiVersion: v1, kind: A, metadata: {name: one}}\n- {apiVersion: v1, kind: B, metadata: {name: two}}\n"
    )
    assert [obj["kind"] for obj in parsed(listed)] == ["A", "B"]  # type: ignore[index]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[1]", "must be an object"),
        (b"kind: A", "apiVersion not set"),
        (b"apiVersion: v1", "kind not set"),
        (b"apiVersion: v1\nkind: A", "metadata.name not set"),
        (b"apiVersion: v1\nkind: A\nmetadata: {name: 7}", "metadata.name not set"),
        (b"a: [1,", "unable to decode YAML"),
        (b'{"a": 1', "unable to decode YAML"),
        (b"a: 1e400", "unsupported value"),
        (b'{"a": 1e400}', "unable to decode"),
        (b"a: .inf", "unsupported value"),
        (b"a: " + b"[" * 300 + b"]" * 300, "nested"),
    ],
)
def test_unusable_documents_are_told(content: bytes, message: str) -> None:
    with pytest.raises(ManifestError, match=message):
        manifests.parse(Document("file", 1, content))


def test_folder_is_searched_to_its_depth_in_order(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    for name in ("z.yaml", "a.json", "b/c.yml", "b/readme.md"):
        (tmp_path / name).write_text("x: 1")
    assert [str(path.relative_to(tmp_path)) for path in manifests.files(str(tmp_path))] == [
        "a.json",
        "b/c.yml",
        "z.yaml",
    ]


def test_empty_folder_and_missing_path_are_told(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"has no \.json, \.yaml, \.yml files"):
        manifests.files(str(tmp_path))
    with pytest.raises(ManifestError, match="does not exist"):
        manifests.files(str(tmp_path / "none"))


def test_json_documents_may_be_cut_by_dashes_too() -> None:
    assert texts(b'{"a": 1}\n---\n{"b": 2}\n---\nc: 3') == [b'{"a": 1}', b'{"b": 2}', b"c: 3"]
