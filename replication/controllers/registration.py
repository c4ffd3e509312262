"""Which changes make work for which of this app's controllers. Asked inside the writing transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kcpcache.apimachinery import names, objects
from kcpcache.apimachinery.objects import JSONObject
from kcpcache.apimachinery.storage import Collection
from replication import reports
from replication.controllers import cachedresource, endpointslice, repair
from replication.controllers.state import GROUP, PLURAL, SLICES
from workspaces import controllers
from workspaces.controllers import Item
from workspaces.kinds import indexes
from workspaces.registry import addresses, catalogue
from workspaces.store import objects as store
from workspaces.store.objects import Written

SLICE_CONTROLLER = "cachedresourceendpointslice"
_PAGE = 500


def register() -> None:
    """Make the controllers and their triggers known."""
    controllers.register(reports.CONTROLLER, cachedresource.reconcile)
    controllers.register(SLICE_CONTROLLER, endpointslice.reconcile)
    controllers.register(repair.CONTROLLER, repair.reconcile)
    controllers.register_trigger(GROUP, PLURAL, _of_cachedresource)
    controllers.register_trigger(GROUP, SLICES, _of_slice)
    controllers.register_trigger("", "secrets", _of_secret)
    controllers.register_trigger("apiextensions.k8s.io", "customresourcedefinitions", _of_crd)
    controllers.register_trigger("apis.kcp.io", "apibindings", _of_binding)
    controllers.register_trigger("apis.kcp.io", "apiexports", _of_export)
    controllers.register_trigger("apis.kcp.io", "apiresourceschemas", _of_schema)


def _states(change: Written) -> list[JSONObject]:
    """The object after and before a change, as far as it existed."""
    bodies = [change.body] if change.previous is None else [change.body, change.previous]
    return [objects.decode(body) for body in bodies]


def _of_cachedresource(change: Written) -> Iterator[Item]:
    yield reports.CONTROLLER, change.key.cluster, change.key.name
    hashes = {(state.get("status") or {}).get("identityHash") for state in _states(change)}
    if change.kind != "M" or len(hashes) > 1:
        for record in store.find(indexes.CACHED_RESOURCE, indexes.fitting(change.key.name)):
            yield SLICE_CONTROLLER, record.key.cluster, record.key.name


def _of_slice(change: Written) -> Iterator[Item]:
    yield SLICE_CONTROLLER, change.key.cluster, change.key.name
    if change.kind == "D":  # the CachedResource makes its own again
        yield reports.CONTROLLER, change.key.cluster, change.key.name


def _of_secret(change: Written) -> Iterator[Item]:
    key = change.key
    for record in store.find(indexes.SECRET, indexes.secret_value(key.namespace, key.name), key.cluster):
        if (record.key.group, record.key.resource) == (GROUP, PLURAL):
            yield reports.CONTROLLER, key.cluster, record.key.name


def _of_crd(change: Written) -> Iterator[Item]:
    cluster = change.key.cluster
    resources = {
        f"{state['spec']['group']}/{version['name']}/{state['spec']['names']['plural']}"
        for state in _states(change)
        for version in state["spec"].get("versions") or []
    }
    for resource in sorted(resources):
        for record in store.find(indexes.CACHED_RESOURCE_GVR, indexes.fitting(resource), cluster):
            yield reports.CONTROLLER, cluster, record.key.name


def _of_binding(change: Written) -> Iterator[Item]:
    """A binding may bring the resource that is replicated, and it is what makes an endpoint useful."""
    cluster = change.key.cluster
    yield from _all_of(cluster)
    home = addresses.find(cluster)
    for state in _states(change):
        reference = ((state.get("spec") or {}).get("reference") or {}).get("export") or {}
        provider = addresses.relative(reference.get("path") or "", home) if home is not None else None
        export = (
            catalogue.read_one(provider.cluster, *catalogue.EXPORTS, reference.get("name") or "")
            if provider
            else None
        )
        if provider is not None and export is not None:
            yield from _slices_of(provider.cluster, export)


def _of_export(change: Written) -> Iterator[Item]:
    for state in _states(change):
        yield from _published_by(change.key.cluster, state)


def _of_schema(change: Written) -> Iterator[Item]:
    """A schema that came or went: those that are exported under it may have become equal to it, or not."""
    for record in store.find(indexes.SCHEMA, indexes.fitting(change.key.name), change.key.cluster):
        if record.key.resource == "apiexports":
            yield from _published_by(change.key.cluster, objects.decode(record.body))


def _published_by(cluster: str, export: JSONObject) -> Iterator[Item]:
    """The slices that an export names, and their CachedResources, whose status says under which schema it is done."""
    for item in _slices_of(cluster, export):
        yield item
        slice_ = catalogue.read_one(cluster, GROUP, SLICES, item[2])
        if slice_ is not None:
            yield reports.CONTROLLER, cluster, slice_["spec"]["cachedResource"]["name"]


def _slices_of(cluster: str, export: JSONObject) -> Iterable[Item]:
    for resource in (export.get("spec") or {}).get("resources") or []:
        reference = ((resource.get("storage") or {}).get("virtual") or {}).get("reference") or {}
        name = reference.get("name") or ""
        # An export may name anything: what no object can be called is nobody's work.
        if reference.get("kind") == "CachedResourceEndpointSlice" and not names.dns1123_subdomain(name):
            yield SLICE_CONTROLLER, cluster, name


def _all_of(cluster: str) -> Iterator[Item]:
    after: str | None = None
    collection = Collection(cluster, GROUP, PLURAL)
    while records := store.iterate(collection, after=after, limit=_PAGE):
        for record in records:
            yield reports.CONTROLLER, cluster, record.key.name
        after = records[-1].key.name
