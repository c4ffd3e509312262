"""One descriptor for each served resource version: discovery, OpenAPI, Tables and validation are functions of it.

Built-in kinds, CRDs, bindings and virtual resources all become descriptors; nothing else in the API server
knows where a resource comes from.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from kcpcache.apimachinery.objects import JSONObject


@dataclass(frozen=True, slots=True)
class Scale:
    """`subresources.scale` of a CRD version: JSONPaths into the object."""

    spec_replicas_path: str
    status_replicas_path: str
    label_selector_path: str = ""


@dataclass(frozen=True, slots=True)
class Provider:
    """Where a bound resource comes from: names for messages, cluster for look-ups."""

    cluster: str
    path: str
    export: str


@dataclass(frozen=True, eq=False)
class Descriptor:
    """One resource in one served version, as one workspace sees it.

    `schema` is the structural schema (None: anything goes, as for some built-in kinds); `columns` the
    printer columns besides Name (dictionaries with name, type, format, priority, description, jsonPath).
    `identity` is part of the storage key. `origin` says what made the resource: ``builtin``, ``crd``,
    ``binding`` or ``virtual``. `source` is the revision-dependent thing it was built from, for caching
    (uid and generation, or the like). `extra` is for the layer that serves it (a strategy, a replica).
    """

    group: str
    version: str
    plural: str
    singular: str
    kind: str
    list_kind: str
    namespaced: bool
    storage_version: str
    versions: tuple[str, ...]  # all served versions, in kube's order of preference
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    schema: JSONObject | None = None
    columns: tuple[JSONObject, ...] = ()
    selectable_fields: tuple[str, ...] = ("metadata.name", "metadata.namespace")
    has_status: bool = False
    scale: Scale | None = None
    identity: str = ""
    origin: str = "builtin"
    provider: Provider | None = None
    source: tuple[str, ...] = ()
    deprecation_warning: str = ""
    is_terminating: bool = False  # its CRD is being deleted: nothing new may be created
    verbs: tuple[str, ...] = ()
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def api_version(self) -> str:
        """``group/version``, or the bare version in the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def qualified(self) -> str:
        """``plural.group``, as error messages name it."""
        return f"{self.plural}.{self.group}" if self.group else self.plural
