"""A backend of one workspace, `root:test`, over the store in memory: what the API server needs and no more."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from kcpcache.apimachinery import errors, names, objects
from kcpcache.apimachinery.descriptor import Descriptor, Provider, Scale
from kcpcache.apimachinery.memory import MemoryCollection, MemoryStore
from kcpcache.apimachinery.objects import JSONObject
from kcpcache.apimachinery.storage import (
    Collection,
    DeleteOptions,
    Key,
    ListedBytes,
    ListOptions,
    Record,
    WriteOptions,
)
from kcpcache.apiserver.backend import SharedCommits
from kcpcache.apiserver.exchange import User
from kcpcache.apiserver.requestinfo import RequestInfo

CLUSTER = "2x7q9b"
ADMIN_TOKEN = "admin-token"
USER_TOKEN = "user-token"


class ReadOnly(MemoryCollection):
    """A replica: read-only, from memory, with lists of bytes."""

    is_nonblocking = True

    def list_bytes(self, options: ListOptions, api_version: str) -> ListedBytes:
        page = self.list(options)
        bodies = [objects.splice_api_version(record.body, api_version) for record in page.records]
        is_whole = not (
            options.limit or options.start_after or options.matches or options.exact or options.name
        )
        etag = f"{options.namespace}-{page.revision}" if is_whole else ""
        return ListedBytes(page.revision, etag, [b",".join(bodies)], page.next_start, page.remaining)


class Writable(MemoryCollection):
    """A storage that can do everything, with the least of what a registry does."""

    def __init__(self, store: MemoryStore, collection: Collection) -> None:
        super().__init__(store, collection)
        self.store, self.collection = store, collection

    def key(self, namespace: str, name: str) -> Key:
        c = self.collection
        return Key(CLUSTER, c.group, c.resource, c.identity, namespace, name)

    def create(self, namespace: str, obj: JSONObject, options: WriteOptions) -> Record:
        with self.store.changed:
            metadata = objects.metadata(obj)
            if not metadata.get("name") and metadata.get("generateName"):
                metadata["name"] = names.generate_name(metadata["generateName"])
            key = self.key(namespace, metadata.get("name", ""))
            if key in self.store.state(self.store.revision):
                raise errors.already_exists(key.group, key.resource, key.name)
            metadata |= {"uid": objects.new_uid(), "creationTimestamp": objects.timestamp()}
            self._warn(obj, options)
            return self._put(key, obj, options)

    def update(
        self, namespace: str, name: str, change: Callable[[JSONObject | None], JSONObject],
        options: WriteOptions, *, create_if_missing: bool = False,
    ) -> tuple[Record, bool]:  # fmt: skip
        with self.store.changed:
            key = self.key(namespace, name)
            record = self.store.state(self.store.revision).get(key)
            if record is None:
                if not create_if_missing:
                    raise errors.not_found(key.group, key.resource, name)
                return self.create(namespace, change(None), options), True
            before = objects.decode(record.body)
            after = change(objects.decode(record.body))
            if objects.resource_version(after) not in ("", objects.resource_version(before)):
                raise errors.stale(key.group, key.resource, name)
            self._warn(after, options)
            after["metadata"] = {**after["metadata"], "resourceVersion": str(record.revision)}
            if objects.encode(after) == objects.encode(before):
                return record, False
            return self._put(key, after, options), False

    def delete(self, namespace: str, name: str, options: DeleteOptions) -> tuple[Record, bool]:
        with self.store.changed:
            key = self.key(namespace, name)
            record = self.store.state(self.store.revision).get(key)
            if record is None:
                raise errors.not_found(key.group, key.resource, name)
            obj = objects.decode(record.body)
            if options.preconditions.uid not in ("", obj["metadata"]["uid"]):
                raise errors.stale(key.group, key.resource, name)
            if obj["metadata"].get("finalizers"):
                obj["metadata"]["deletionTimestamp"] = objects.timestamp()
                return self.store.put(key, obj), False
            return (record if options.dry_run else self.store.delete(key)), True

    def _put(self, key: Key, obj: JSONObject, options: WriteOptions) -> Record:
        if options.dry_run:
            return Record(key, self.store.revision, objects.encode(obj), objects.labels(obj))
        return self.store.put(key, obj)

    def _warn(self, obj: JSONObject, options: WriteOptions) -> None:
        if "unknown" in (obj.get("spec") or {}) and options.field_validation == "Warn":
            options.warn('unknown field "spec.unknown"')


FLAVOR_SCHEMA: JSONObject = {
    "type": "object",
    "description": "A CPU flavour.",
    "properties": {
        "spec": {
            "type": "object",
            "description": "What it is.",
            "properties": {
                "cores": {"type": "integer", "description": "How many cores."},
                "replicas": {"type": "integer"},
            },
        },
        "status": {"type": "object", "properties": {"replicas": {"type": "integer"}}},
    },
}
FLAVOR = Descriptor(
    group="cloud.example.com", version="v1", plural="cpuflavors", singular="cpuflavor", kind="CPUFlavor",
    list_kind="CPUFlavorList", namespaced=False, storage_version="v1", versions=("v1",), short_names=("cf",),
    categories=("all",), schema=FLAVOR_SCHEMA,
    columns=({"name": "Cores", "type": "integer", "jsonPath": ".spec.cores"},),
    selectable_fields=("metadata.name", "metadata.namespace", "spec.cores"), has_status=True,
    scale=Scale(".spec.replicas", ".status.replicas"), origin="crd", source=("uid-1", "1"),
)  # fmt: skip
MEMORY_FLAVOR = Descriptor(
    group="cloud.example.com", version="v1", plural="memflavors", singular="memflavor", kind="MemFlavor",
    list_kind="MemFlavorList", namespaced=False, storage_version="v1", versions=("v1",), schema=None,
    columns=({"name": "Size", "type": "string", "jsonPath": ".spec.size"},), origin="virtual",
    provider=Provider("1abc", "root:cloud", "compute"), source=("uid-2", "1"),
    selectable_fields=("metadata.name", "metadata.namespace", "spec.size"),
)  # fmt: skip


def _core(plural: str, singular: str, kind: str, *, namespaced: bool) -> Descriptor:
    return Descriptor(
        group="", version="v1", plural=plural, singular=singular, kind=kind, list_kind=f"{kind}List",
        namespaced=namespaced, storage_version="v1", versions=("v1",),
    )  # fmt: skip


CONFIG_MAP = _core("configmaps", "configmap", "ConfigMap", namespaced=True)
NAMESPACE = _core("namespaces", "namespace", "Namespace", namespaced=False)
DESCRIPTORS = {(d.group, d.version, d.plural): d for d in (FLAVOR, MEMORY_FLAVOR, CONFIG_MAP, NAMESPACE)}


class Scope:
    """The one workspace."""

    cluster = CLUSTER
    path = "root:test"

    def __init__(self, store: MemoryStore, withdrawn: set[str]) -> None:
        self._store = store
        self._withdrawn = withdrawn

    def resources(self) -> Mapping[tuple[str, str, str], Descriptor]:
        if not self._withdrawn:
            return DESCRIPTORS
        return {key: found for key, found in DESCRIPTORS.items() if found.plural not in self._withdrawn}

    def storage(self, descriptor: Descriptor) -> Any:
        collection = Collection(CLUSTER, descriptor.group, descriptor.plural, descriptor.identity)
        return (ReadOnly if descriptor is MEMORY_FLAVOR else Writable)(self._store, collection)

    def refusal(self, descriptor: Descriptor, verb: str) -> str:
        if descriptor.provider is None:
            return ""
        return f"{descriptor.qualified} is read-only here: it is provided by {descriptor.provider.path}"

    def discovery_token(self) -> str:
        return "token-1"


class Backend:
    """See `kcpcache.apiserver.backend.Backend`."""

    def __init__(self) -> None:
        self.store = MemoryStore(wait_seconds=0.05)
        self.problem = ""
        self.fails_with: Exception | None = None
        self.is_started = False
        self.checks_run = 0
        self.discovery = 1
        self.withdrawn: set[str] = set()
        self.commits: SharedCommits | None = None

    def fresh_scope(self, info: RequestInfo) -> Scope:
        if self.fails_with is not None:
            raise self.fails_with
        if info.prefix != "clusters" or info.cluster not in (CLUSTER, "root:test"):
            raise errors.NotFound(f'workspace "{info.cluster}" not found')
        return Scope(self.store, self.withdrawn)

    def known_scope(self, info: RequestInfo) -> Scope | None:
        return self.fresh_scope(info)

    def shared_commits(self) -> SharedCommits | None:
        return self.commits

    def discovery_revision(self) -> int:
        return self.discovery

    def withdraw(self, plural: str) -> None:
        """No longer serve a resource."""
        self.withdrawn.add(plural)
        self.discovery += 1

    def freshness_checks(self) -> Sequence[Callable[[], Awaitable[None]]]:
        return [self._check]

    async def _check(self) -> None:
        self.checks_run += 1

    def authenticate_token(self, token: str) -> User | None:
        users = {ADMIN_TOKEN: User("admin", "1", ("system:masters",)), USER_TOKEN: User("mallory", "2", ())}
        return users.get(token)

    def healthy(self) -> list[tuple[str, str]]:
        return [("database", self.problem)]

    def start(self) -> None:
        self.is_started = True

    def stop(self) -> None:
        self.is_started = False

    def put_memory_flavor(self, name: str, **more: Any) -> Record:
        """A replicated object, as the provider would have written it."""
        key = Key(CLUSTER, MEMORY_FLAVOR.group, MEMORY_FLAVOR.plural, "", "", name)
        labels = more.pop("labels", {})
        metadata = {
            "name": name,
            "uid": f"uid-{name}",
            "creationTimestamp": "2026-01-01T00:00:00Z",
            "labels": labels,
        }
        obj = {"apiVersion": "cloud.example.com/v1", "kind": "MemFlavor", "metadata": metadata, "spec": more}
        return self.store.put(key, obj)

    def delete_memory_flavor(self, name: str) -> Record:
        """The provider deleted it."""
        return self.store.delete(Key(CLUSTER, MEMORY_FLAVOR.group, MEMORY_FLAVOR.plural, "", "", name))
