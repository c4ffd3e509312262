"""The objects that are measured."""

from __future__ import annotations

import json

import pytest

from bench import manifests


@pytest.mark.parametrize(("number", "serial"), [(1, 0), (99_999, 0), (7, 123_456)])
def test_every_flavour_has_the_same_size(number: int, serial: int) -> None:
    made = json.dumps(manifests.flavour(number, serial), separators=(",", ":"))
    assert len(made) == manifests.MANIFEST_BYTES


def test_two_serials_differ_in_the_serial_and_the_padding_only() -> None:
    first, second = manifests.flavour(1, 1)["spec"], manifests.flavour(1, 22)["spec"]
    assert {name for name in first if first[name] != second[name]} == {"serial", "description"}


def test_the_exported_schema_is_the_definitions() -> None:
    defined = manifests.crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    assert manifests.schema()["spec"]["versions"][0]["schema"] == defined
