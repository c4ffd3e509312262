import pytest

from kcpcache.apimachinery import errors, fields

EVENT = {
    "metadata": {"name": "e1"},
    "involvedObject": {"name": "pod,1", "count": 3},
    "ready": True,
    "note": None,
}
ALLOWED = {"metadata.name", "involvedObject.name", "involvedObject.count", "ready", "note"}


@pytest.mark.parametrize(
    ("text", "selected"),
    [
        ("", True),
        ("metadata.name=e1", True),
        ("metadata.name==e1,ready=true", True),
        ("metadata.name!=e1", False),
        ("metadata.name!=e2", True),
        (r"involvedObject.name=pod\,1", True),
        ("involvedObject.count=3", True),
        ("note=", True),
        (",metadata.name=e1,", True),
    ],
)
def test_field_selector_selects(text: str, selected: bool) -> None:
    assert fields.parse(text, ALLOWED).matches_object(EVENT) is selected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("spec.x=1", "field label not supported: spec.x"),
        ("metadata.name", "invalid selector: 'metadata.name'; can't understand 'metadata.name'"),
        (r"metadata.name=a\b", r"invalid field selector: invalid escape sequence: \b"),
        ("metadata.name=a=b", "invalid field selector: unescaped character in value: ="),
        ("metadata.name=a\\", "invalid selector: 'metadata.name=a\\'; can't understand 'metadata.name=a\\'"),
    ],
)
def test_bad_field_selector_is_refused(text: str, message: str) -> None:
    with pytest.raises(errors.BadRequest) as caught:
        fields.parse(text, ALLOWED)
    assert caught.value.message == message


def test_escapes_are_undone_and_written_back() -> None:
    selector = fields.parse(r"metadata.name=a\,b\=c\\", ALLOWED)
    assert selector.exact("metadata.name") == r"a,b=c" + "\\"
    assert str(selector) == r"metadata.name=a\,b\=c\\"


def test_exact_is_none_without_an_equality() -> None:
    assert fields.parse("metadata.name!=a", ALLOWED).exact("metadata.name") is None
    assert fields.parse("ready=true", ALLOWED).exact("metadata.name") is None


def test_missing_and_structured_values_read_as_empty() -> None:
    assert fields.value_at(EVENT, "involvedObject.kind.deeper") == ""
    assert fields.value_at(EVENT, "involvedObject") == ""
