"""The number of statements does not depend on the number of rows."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.unit.replication import provider
from tests.unit.rest.conftest import Caller
from workspaces.store import tenants


@pytest.mark.parametrize(
    "path", ["workspaces", "objects", "changes", "replicas", "bindings", "cachedresources"]
)
def test_statements_do_not_grow_with_rows(admin: Caller, path: str) -> None:
    admin.get(f"/api/{path}")  # what is remembered afterwards is not counted

    def count() -> tuple[int, int]:
        with CaptureQueriesContext(connection) as captured:
            rows = len(admin.results(f"/api/{path}", page_size=1000))
        return rows, len(captured)

    before = count()
    _grow(path)
    admin.get(f"/api/{path}")
    after = count()
    assert after[0] > before[0]
    assert after[1] == before[1]


_grown: Any = iter(range(1000))


def _grow(path: str) -> None:
    number = next(_grown)
    cluster = f"more{number}"
    tenants.add(cluster, f"root:{cluster}", parent="root", name=cluster)
    if path in ("objects", "changes"):
        provider.create_flavors(*(f"more-{number}-{index}" for index in range(20)))
    elif path in ("replicas", "cachedresources"):
        provider.create_crd(
            plural=f"things{number}", names={"plural": f"things{number}", "singular": f"thing{number}",
            "kind": f"Thing{number}", "listKind": f"Thing{number}List"},
        )  # fmt: skip
        provider.create_cachedresource(f"more-{number}", resource=f"things{number}")
    elif path == "bindings":
        provider.bind(cluster)
