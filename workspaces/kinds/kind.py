"""A built-in kind: a manifest beside the code, and the strategy that knows what is particular to it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import orjson

from kcpcache.apimachinery import version as versions
from kcpcache.apimachinery.descriptor import Descriptor
from kcpcache.apimachinery.objects import JSONObject
from workspaces.kinds import columns
from workspaces.registry.strategy import Strategy

_SCHEMAS = Path(__file__).parent / "schemas"
_METADATA_FIELDS = ("metadata.name", "metadata.namespace")


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a kind; `columns` are printer columns besides Name."""

    name: str
    served: bool
    storage: bool
    schema: JSONObject
    columns: tuple[JSONObject, ...]
    has_status: bool


@dataclass(frozen=True)
class Kind:
    """Everything about a built-in kind.

    `selectable_fields` are those besides `metadata.name` and `metadata.namespace`; `is_secret` kinds are encrypted
    at rest; `only_in` names the logical clusters that serve the kind, none meaning every one.
    """

    group: str
    plural: str
    singular: str
    kind: str
    list_kind: str
    namespaced: bool
    short_names: tuple[str, ...]
    categories: tuple[str, ...]
    versions: tuple[Version, ...]
    strategy: Strategy
    selectable_fields: tuple[str, ...] = ()
    is_secret: bool = False
    only_in: tuple[str, ...] = ()

    def is_served_in(self, cluster: str) -> bool:
        """Whether a logical cluster serves the kind."""
        return not self.only_in or cluster in self.only_in

    @cached_property
    def descriptors(self) -> list[Descriptor]:
        """One descriptor a served version, in Kubernetes' order of preference."""
        served = sorted((v for v in self.versions if v.served), key=lambda v: versions.sort_key(v.name))
        return [self._descriptor(entry, tuple(v.name for v in served)) for entry in served]

    def _descriptor(self, entry: Version, served: tuple[str, ...]) -> Descriptor:
        return Descriptor(
            group=self.group,
            version=entry.name,
            plural=self.plural,
            singular=self.singular,
            kind=self.kind,
            list_kind=self.list_kind,
            namespaced=self.namespaced,
            storage_version=next(v.name for v in self.versions if v.storage),
            versions=served,
            short_names=self.short_names,
            categories=self.categories,
            schema=entry.schema,
            columns=entry.columns,
            selectable_fields=(*_METADATA_FIELDS, *self.selectable_fields),
            has_status=entry.has_status,
            source=("builtin",),
        )


def load(name: str, strategy: Strategy, **particulars: Any) -> Kind:
    """The kind of the manifest `schemas/<name>.json`.

    The manifest is the `spec` of a CustomResourceDefinition (the core group is empty, and `schema` is the
    OpenAPI schema itself); `particulars` are fields of `Kind` that a manifest cannot say.
    """
    manifest = orjson.loads((_SCHEMAS / f"{name}.json").read_bytes())
    names = manifest["names"]
    return Kind(
        group=manifest["group"],
        plural=names["plural"],
        singular=names["singular"],
        kind=names["kind"],
        list_kind=names["listKind"],
        namespaced=manifest["scope"] == "Namespaced",
        short_names=tuple(names.get("shortNames") or ()),
        categories=tuple(names.get("categories") or ()),
        versions=tuple(_version(entry) for entry in manifest["versions"]),
        strategy=strategy,
        **particulars,
    )


def _version(entry: JSONObject) -> Version:
    return Version(
        name=entry["name"],
        served=entry["served"],
        storage=entry["storage"],
        schema=entry["schema"],
        columns=tuple(_column(column) for column in entry.get("additionalPrinterColumns") or ()),
        has_status="status" in (entry.get("subresources") or {}),
    )


def _column(column: JSONObject) -> JSONObject:
    """A printer column of a manifest; a computed one gets its function in place of the name."""
    if "function" in column:
        return {**column, "function": columns.FUNCTIONS[column["function"]]}
    return column
