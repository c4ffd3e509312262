"""The YAML of the story is consistent in itself."""

from __future__ import annotations

from typing import Any

import yaml

from supervisor.demo.story import MANIFESTS


def documents(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((MANIFESTS / name).read_text()))


def test_each_exported_schema_equals_the_schema_of_its_crd() -> None:
    schemas = {
        each["spec"]["names"]["plural"]: each["spec"]["versions"] for each in documents("schemas.yaml")
    }
    for crd in documents("crds.yaml"):
        plural = crd["spec"]["names"]["plural"]
        for version, exported in zip(crd["spec"]["versions"], schemas[plural], strict=True):
            assert exported["schema"] == version["schema"]["openAPIV3Schema"]
            assert exported["additionalPrinterColumns"] == version["additionalPrinterColumns"]


def test_export_names_schemas_and_cached_resources_that_are_there() -> None:
    (export,) = documents("export.yaml")
    schemas = {each["metadata"]["name"] for each in documents("schemas.yaml")}
    cached = {each["metadata"]["name"] for each in documents("cachedresources.yaml")}
    for resource in export["spec"]["resources"]:
        assert resource["schema"] in schemas
        if "virtual" in resource["storage"]:
            assert resource["storage"]["virtual"]["reference"]["name"] in cached
