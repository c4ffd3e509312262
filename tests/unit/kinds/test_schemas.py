from __future__ import annotations

import pytest

from kcpcache.apimachinery.objects import JSONObject
from kcpcache.apimachinery.schema import structural
from workspaces import kinds
from workspaces.kinds.kind import Kind

ALL = [pytest.param(kind, id=f"{kind.plural}.{kind.group}") for kind in kinds.BUILTIN.values()]


@pytest.mark.parametrize("kind", ALL)
def test_schema_is_structural(kind: Kind) -> None:
    for version in kind.versions:
        causes = structural.structural_causes(version.schema, version.name)
        assert causes == []


@pytest.mark.parametrize("kind", ALL)
def test_fields_that_people_see_are_described(kind: Kind) -> None:
    for descriptor in kind.descriptors:
        assert descriptor.schema is not None
        assert list(undescribed(descriptor.schema, "")) == []


def undescribed(schema: JSONObject, path: str) -> list[str]:
    missing = []
    for name, child in (schema.get("properties") or {}).items():
        if not child.get("description"):
            missing.append(f"{path}.{name}")
        missing += undescribed(child, f"{path}.{name}")
    if isinstance(schema.get("items"), dict):
        missing += undescribed(schema["items"], path)
    return missing


@pytest.mark.parametrize("kind", ALL)
def test_columns_have_a_path_or_a_function(kind: Kind) -> None:
    for descriptor in kind.descriptors:
        for column in descriptor.columns:
            assert bool(column.get("jsonPath")) != callable(column.get("function"))


def test_cached_resource_shows_what_operators_ask_for() -> None:
    [descriptor] = kinds.BUILTIN[("cache.kcp.io", "cachedresources")].descriptors
    names = [column["name"].upper() for column in descriptor.columns]
    assert names == ["RESOURCE", "LOCAL", "CACHE", "SYNCED", "PHASE", "CONSUMERS", "AGE"]


def test_shards_are_served_in_the_root_workspace_only() -> None:
    def served(cluster: str) -> set[str]:
        return {descriptors[0].plural for descriptors in kinds.served_in(cluster)}

    assert served("root") - served("other") == {"shards"}
