"""What one workspace serves: descriptors of its built-in kinds, its CRDs and its bindings.

Built from the store as it is, never from memory; `registry.resolver` remembers the result. Precedence, so that the
order of arrival decides and not the order of reading: built-in kinds, established CRDs, bindings that already hold
the resource, later bindings.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field

from kcpcache.apimachinery import objects, version
from kcpcache.apimachinery.descriptor import Descriptor, Provider, Scale
from kcpcache.apimachinery.objects import JSONObject
from kcpcache.apimachinery.storage import Collection, Key
from workspaces import kinds
from workspaces.registry import addresses, virtual
from workspaces.registry.addresses import WorkspaceAddress
from workspaces.store import objects as store

CRDS = ("apiextensions.k8s.io", "customresourcedefinitions")
BINDINGS = ("apis.kcp.io", "apibindings")
EXPORTS = ("apis.kcp.io", "apiexports")
SCHEMAS = ("apis.kcp.io", "apiresourceschemas")

Resources = Mapping[tuple[str, str, str], Descriptor]


@dataclass(slots=True)
class Catalogue:
    """Every served (group, version, plural) of a workspace, and the clusters it was derived from."""

    address: WorkspaceAddress
    resources: dict[tuple[str, str, str], Descriptor] = field(default_factory=dict)
    depends_on: set[str] = field(default_factory=set)
    revision: int = 0  # the store's revision before the first read

    @property
    def token(self) -> str:
        """Changes whenever the resources do."""
        return f"{self.address.cluster}-{self.revision}"

    def add(self, descriptors: list[Descriptor]) -> None:
        """Take a resource in, unless its name is taken already."""
        taken = {(group, plural) for group, _, plural in self.resources}
        for descriptor in descriptors:
            if (descriptor.group, descriptor.plural) not in taken:
                self.resources[(descriptor.group, descriptor.version, descriptor.plural)] = descriptor


def build(address: WorkspaceAddress, revision: int) -> Catalogue:
    """Read what a workspace serves; `revision` is the store's, read before."""
    catalogue = Catalogue(address, revision=revision, depends_on={address.cluster})
    for descriptors in kinds.served_in(address.cluster):
        catalogue.add(descriptors)
    for crd in read_all(address.cluster, *CRDS):
        catalogue.add(from_crd(crd))
    for binding in _by_precedence(read_all(address.cluster, *BINDINGS)):
        for descriptors in _from_binding(catalogue, binding):
            catalogue.add(descriptors)
    return catalogue


def read_all(cluster: str, group: str, plural: str) -> Iterator[JSONObject]:
    """All objects of one of the kinds that catalogues are made from."""
    after: str | None = None
    collection = Collection(cluster, group, plural)
    while records := store.iterate(collection, after=after, limit=500):
        for record in records:
            yield objects.decode(record.body)
        after = records[-1].key.name


def read_one(cluster: str, group: str, plural: str, name: str) -> JSONObject | None:
    """One object of those kinds."""
    record = store.get(Key(cluster, group, plural, "", "", name))
    return objects.decode(record.body) if record else None


def _by_precedence(bindings: Iterator[JSONObject]) -> list[JSONObject]:
    return sorted(
        bindings,
        key=lambda binding: (
            not (binding.get("status") or {}).get("boundResources"),
            binding["metadata"]["creationTimestamp"],
            binding["metadata"]["name"],
        ),
    )


def from_crd(crd: JSONObject) -> list[Descriptor]:
    """The descriptors of a CRD, one a served version; none before it is established."""
    conditions = (crd.get("status") or {}).get("conditions") or []
    if not any(c["type"] == "Established" and c["status"] == "True" for c in conditions):
        return []
    source = (crd["metadata"]["uid"], str(crd["metadata"].get("generation", 0)))
    made = _custom(crd["spec"], identity="", origin="crd", source=source, provider=None, only=None)
    if objects.is_being_deleted(crd):
        return [dataclasses.replace(descriptor, is_terminating=True, extra={}) for descriptor in made]
    return made


def from_schema(
    schema: JSONObject, *, identity: str, provider: Provider, origin: str, only: str | None = None
) -> list[Descriptor]:
    """The descriptors of an APIResourceSchema as an export serves it; `only` one version for virtual storage."""
    spec = {**schema["spec"]}
    spec["versions"] = [
        {**entry, "schema": {"openAPIV3Schema": entry.get("schema") or {}}} for entry in spec["versions"]
    ]
    source = (schema["metadata"]["uid"], identity)
    return _custom(spec, identity=identity, origin=origin, source=source, provider=provider, only=only)


def _custom(
    spec: JSONObject,
    *,
    identity: str,
    origin: str,
    source: tuple[str, ...],
    provider: Provider | None,
    only: str | None,
) -> list[Descriptor]:
    names = spec["names"]
    served = [entry for entry in spec["versions"] if entry.get("served") and only in (None, entry["name"])]
    storage = next(
        (entry["name"] for entry in spec["versions"] if entry.get("storage")),
        served[0]["name"] if served else "",
    )
    order = tuple(sorted((entry["name"] for entry in served), key=version.sort_key))
    descriptors = []
    for entry in served:
        subresources = entry.get("subresources") or {}
        scale = subresources.get("scale")
        descriptors.append(
            Descriptor(
                group=spec["group"],
                version=entry["name"],
                plural=names["plural"],
                singular=names.get("singular") or names["kind"].lower(),
                kind=names["kind"],
                list_kind=names.get("listKind") or f"{names['kind']}List",
                namespaced=spec["scope"] == "Namespaced",
                storage_version=only or storage,
                versions=order,
                short_names=tuple(names.get("shortNames") or ()),
                categories=tuple(names.get("categories") or ()),
                schema=(entry.get("schema") or {}).get("openAPIV3Schema") or {},
                columns=tuple(entry.get("additionalPrinterColumns") or ()),
                selectable_fields=(
                    "metadata.name",
                    "metadata.namespace",
                    *(field["jsonPath"].lstrip(".") for field in entry.get("selectableFields") or ()),
                ),
                has_status="status" in subresources,
                scale=Scale(
                    scale["specReplicasPath"], scale["statusReplicasPath"], scale.get("labelSelectorPath", "")
                )
                if scale
                else None,
                identity=identity,
                origin=origin,
                provider=provider,
                source=source,
                deprecation_warning=_deprecation(entry, spec),
            )
        )
    return descriptors


def _deprecation(entry: JSONObject, spec: JSONObject) -> str:
    if not entry.get("deprecated"):
        return ""
    default = f"{spec['group']}/{entry['name']} {spec['names']['kind']} is deprecated"
    return str(entry.get("deprecationWarning") or default)


def _from_binding(catalogue: Catalogue, binding: JSONObject) -> Iterator[list[Descriptor]]:
    """What a binding gives to the workspace, read from the export itself so that its changes count at once."""
    reference = ((binding.get("spec") or {}).get("reference") or {}).get("export") or {}
    provider = addresses.relative(reference.get("path") or "", catalogue.address)
    if provider is None:
        return
    catalogue.depends_on.add(provider.cluster)
    if (binding.get("status") or {}).get("phase") != "Bound" or objects.is_being_deleted(binding):
        return
    export = read_one(provider.cluster, *EXPORTS, reference.get("name") or "")
    if export is not None:
        yield from bound(provider, export, binding)


def bound(provider: WorkspaceAddress, export: JSONObject, binding: JSONObject) -> Iterator[list[Descriptor]]:
    """The resources of an APIExport that a binding holds, under the identity under which it holds them.

    What the export offers and the binding could not take (its name is taken), or holds for another export that was
    here before, is not the export's to serve in that workspace.
    """
    status = binding.get("status") or {}
    identity = (export.get("status") or {}).get("identityHash") or ""
    if status.get("apiExportClusterName") != provider.cluster:
        return
    held = {
        (entry["group"], entry["resource"])
        for entry in status.get("boundResources") or []
        if entry["schema"]["identityHash"] == identity
    }
    yield from from_export(provider, export, only=held)


def from_export(
    provider: WorkspaceAddress, export: JSONObject, *, only: Container[tuple[str, str]] | None = None
) -> Iterator[list[Descriptor]]:
    """The resources of an APIExport, each with the descriptors of its served versions; `only` some of them."""
    origin = Provider(provider.cluster, provider.path, export["metadata"]["name"])
    identity = (export.get("status") or {}).get("identityHash") or ""
    for entry in (export.get("spec") or {}).get("resources") or []:
        if only is not None and (entry["group"], entry["name"]) not in only:
            continue
        schema = read_one(provider.cluster, *SCHEMAS, entry["schema"])
        if (
            schema is None
            or schema["spec"]["group"] != entry["group"]
            or schema["spec"]["names"]["plural"] != entry["name"]
        ):
            continue
        if "virtual" in (entry.get("storage") or {}):
            yield _virtual(origin, entry, schema)
        elif identity:
            stored = storage_identity(provider.cluster, identity)
            yield from_schema(schema, identity=stored, provider=origin, origin="binding")


def storage_identity(provider_cluster: str, identity_hash: str) -> str:
    """The part of a storage key that tells exports apart, in hexadecimal, 64 digits.

    The provider's cluster is in it, so that two tenants who happen to use one key stay two tenants.
    """
    return hashlib.sha256(f"{provider_cluster}/{identity_hash}".encode()).hexdigest()


def reference_of(provider_cluster: str, entry: JSONObject) -> virtual.Reference:
    """The `storage.virtual` of one resource of an export."""
    stored = entry["storage"]["virtual"]
    reference = stored["reference"]
    return virtual.Reference(
        provider_cluster=provider_cluster,
        api_group=reference.get("apiGroup") or "",
        kind=reference["kind"],
        name=reference["name"],
        identity_hash=stored["identityHash"],
        group=entry["group"],
        resource=entry["name"],
    )


def _virtual(origin: Provider, entry: JSONObject, schema: JSONObject) -> list[Descriptor]:
    reference = reference_of(origin.cluster, entry)
    provider = virtual.provider_of(reference)
    if provider is None or provider.problem(reference):
        return []
    target = provider.target(reference)
    descriptors = from_schema(
        schema, identity=reference.identity_hash, provider=origin, origin="virtual", only=target.version
    )
    for descriptor in descriptors:
        descriptor.extra["virtual"] = (provider, target)
    return descriptors
