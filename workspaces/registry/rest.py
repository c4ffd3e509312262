"""The storage of one resource in one workspace, as the API server sees it: the write pipeline over the SQL store."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence

from django.db import transaction

from kcpcache.apimachinery import equality, errors, field, objects
from kcpcache.apimachinery.descriptor import Descriptor
from kcpcache.apimachinery.errors import Cause
from kcpcache.apimachinery.objects import JSONObject
from kcpcache.apimachinery.storage import (
    Collection,
    DeleteOptions,
    Feed,
    Key,
    ListOptions,
    Page,
    Preconditions,
    Record,
    WriteOptions,
)
from workspaces.kinds import indexes
from workspaces.registry import pipeline
from workspaces.registry.strategy import Context, Strategy
from workspaces.store import objects as store
from workspaces.store import sql
from workspaces.store.objects import IndexEntry, UniqueTaken

# How often a write that nobody pinned to a resourceVersion is tried again when others were faster.
_ATTEMPTS = 20

FOREGROUND_FINALIZER = "foregroundDeletion"
ORPHAN_FINALIZER = "orphan"
_PROPAGATION = {FOREGROUND_FINALIZER: "Foreground", ORPHAN_FINALIZER: "Orphan"}


class ResourceStorage:
    """Get, list, watch, create, update and delete of one resource.

    `cluster` may be ``*`` for the wildcard views of the APIExport virtual workspace; then writes take their cluster
    from the object and are not offered (`WildcardStorage`).
    """

    is_nonblocking = False

    def __init__(self, descriptor: Descriptor, strategy: Strategy, cluster: str, path: str) -> None:
        self.descriptor = descriptor
        self.strategy = strategy
        self.cluster = cluster
        self.path = path
        self._reads = sql.SQLCollection(
            Collection(cluster, descriptor.group, descriptor.plural, descriptor.identity)
        )

    # Reads

    def get(self, namespace: str, name: str, revision: int | None = None) -> Record:
        """See `apimachinery.storage.Getter`."""
        return self._reads.get(namespace, name, revision)

    def list(self, options: ListOptions) -> Page:
        """See `apimachinery.storage.Lister`."""
        return self._reads.list(options)

    def watch(self, options: ListOptions, *, with_initial: bool) -> Feed:
        """See `apimachinery.storage.Watcher`."""
        return self._reads.watch(options, with_initial=with_initial)

    # Writes

    def create(self, namespace: str, obj: JSONObject, options: WriteOptions) -> Record:
        """See `apimachinery.storage.Creator`."""
        self.refuse_when_terminating()
        context = self._context(options)
        pipeline.check_internal(context, self.strategy, "")
        obj = self._to_storage(obj)
        if self.descriptor.has_status:
            obj.pop("status", None)
        pipeline.clean(context, self.strategy, obj, options)
        name = pipeline.begin_metadata(context, namespace, obj)
        self.strategy.prepare_for_create(context, obj)
        pipeline.count_generation(context, self.strategy, obj, None)
        pipeline.validate(context, self.strategy, obj, None)
        key = self._key(namespace, name)
        if options.dry_run:
            self._check_namespace(namespace)
            if store.get(key) is not None:
                raise self._exists(name)
            self.strategy.admit(context, obj, None)
            return self._preview(key, obj, 0)
        with self._writing(context, key) as tx:
            self._check_namespace(namespace)  # it may have gone while this write waited for its turn
            if tx.get(key) is not None:
                raise self._exists(name)
            self.strategy.admit(context, obj, None)
            pending = self._put(tx, context, key, obj, None)
        return pending.record

    def update(
        self,
        namespace: str,
        name: str,
        change: Callable[[JSONObject | None], JSONObject],
        options: WriteOptions,
        *,
        create_if_missing: bool = False,
    ) -> tuple[Record, bool]:
        """See `apimachinery.storage.Updater`."""
        key = self._key(namespace, name)
        for _attempt in range(_ATTEMPTS):
            stored = store.get(key)
            if stored is None:
                if not create_if_missing:
                    raise self._not_found(name)
                try:
                    return self.create(namespace, change(None), options), True
                except errors.AlreadyExists:
                    continue
            written = self._try_update(key, stored, change, options)
            if written is not None:
                return written, False
        raise errors.stale(self.descriptor.group, self.descriptor.plural, name)

    def _try_update(
        self,
        key: Key,
        stored: Record,
        change: Callable[[JSONObject | None], JSONObject],
        options: WriteOptions,
    ) -> Record | None:
        """One attempt; None when the stored object moved meanwhile and the change may be applied anew."""
        context = self._context(options)
        old = objects.decode(stored.body)
        shown = copy.deepcopy(old)
        shown["apiVersion"] = self.descriptor.api_version
        obj = self._to_storage(change(shown))
        self._check_preconditions(obj, old)
        pipeline.clean(context, self.strategy, obj, options)
        pipeline.carry_metadata(context, obj, old)
        obj = pipeline.carry_status(context, obj, old)
        self.strategy.prepare_for_update(context, obj, old)
        pipeline.count_generation(context, self.strategy, obj, old)
        pipeline.validate(context, self.strategy, obj, old)
        if equality.is_equal(obj, old):
            return stored
        if options.dry_run:
            self.strategy.admit(context, obj, old)
            return self._preview(key, obj, stored.revision)
        with self._writing(context, key) as tx:
            present = tx.get(key)
            if present is None or present.revision != stored.revision:
                return None
            self.strategy.admit(context, obj, old)
            if objects.is_being_deleted(obj) and not obj["metadata"].get("finalizers"):
                pending = tx.delete(key, last=obj, discovery=self.strategy.affects_discovery(None, old))
            else:
                pending = self._put(tx, context, key, obj, old)
        return pending.record

    def delete(self, namespace: str, name: str, options: DeleteOptions) -> tuple[Record, bool]:
        """See `apimachinery.storage.Deleter`."""
        context = self._context(WriteOptions(user=options.user, dry_run=options.dry_run))
        pipeline.check_internal(context, self.strategy, name)
        key = self._key(namespace, name)
        with self._writing(context, key) as tx:
            stored = tx.get(key)
            if stored is None:
                raise self._not_found(name)
            old = objects.decode(stored.body)
            self._check_delete_preconditions(options.preconditions, old, name)
            self.strategy.admit(context, None, old)
            obj = copy.deepcopy(old)
            held = self._mark_deleted(obj, options.propagation_policy)
            if options.dry_run:
                transaction.set_rollback(True)
                return self._preview(key, obj, stored.revision), not held
            if held and obj == old:
                return stored, False
            if held:
                pending = self._put(tx, context, key, obj, old)
            else:
                pending = tx.delete(key, discovery=self.strategy.affects_discovery(None, old))
        return pending.record, not held

    # Parts

    def refuse_when_terminating(self) -> None:
        """MethodNotAllowed when the resource's definition is being deleted: nothing new may come."""
        if self.descriptor.is_terminating:
            raise errors.MethodNotAllowed(
                f"create not allowed while the custom resource definition of {self.descriptor.qualified} is terminating"
            )

    def _mark_deleted(self, obj: JSONObject, policy: str) -> bool:
        """Set what a deletion sets; whether finalizers hold the object.

        Without a policy, the object's own finalizer says what becomes of its dependents, or else the kind's default.
        """
        metadata = objects.metadata(obj)
        before = metadata.get("finalizers") or []
        stated = next((_PROPAGATION[name] for name in before if name in _PROPAGATION), "")
        propagation = policy or stated or self.strategy.default_propagation
        finalizers = [name for name in before if _PROPAGATION.get(name, propagation) == propagation]
        finalizers += [
            name for name, wanted in _PROPAGATION.items() if wanted == propagation and name not in before
        ]
        if finalizers:
            metadata["finalizers"] = finalizers
        else:
            metadata.pop("finalizers", None)
        if finalizers and not metadata.get("deletionTimestamp"):
            metadata["deletionTimestamp"] = objects.timestamp()
            metadata["deletionGracePeriodSeconds"] = 0
            if self.strategy.has_generation:
                metadata["generation"] = int(metadata.get("generation") or 0) + 1
        return bool(finalizers)

    def _put(
        self, tx: store.Transaction, context: Context, key: Key, obj: JSONObject, old: JSONObject | None
    ) -> store.Pending:
        pipeline.check_size(context, objects.encode(obj))
        return tx.put(
            key,
            obj,
            indexes=self._indexes(context, obj),
            discovery=self.strategy.affects_discovery(obj, old),
        )

    def _indexes(self, context: Context, obj: JSONObject) -> Sequence[IndexEntry]:
        entries = [*self.strategy.indexes(context, obj)]
        owners = objects.metadata(obj).get("ownerReferences") or []
        entries += [
            IndexEntry(indexes.OWNER, indexes.fitting(uid))
            for uid in sorted({str(owner["uid"]) for owner in owners})
        ]
        return entries

    def _writing(self, context: Context, key: Key) -> _Writing:
        return _Writing(context, key)

    def _context(self, options: WriteOptions) -> Context:
        return Context(
            cluster=self.cluster,
            path=self.path,
            descriptor=self.descriptor,
            user=options.user,
            subresource=options.subresource,
            dry_run=options.dry_run,
        )

    def _key(self, namespace: str, name: str) -> Key:
        descriptor = self.descriptor
        return Key(self.cluster, descriptor.group, descriptor.plural, descriptor.identity, namespace, name)

    def _to_storage(self, obj: JSONObject) -> JSONObject:
        """The object under the version in which it is stored; a shallow copy."""
        descriptor = self.descriptor
        version = descriptor.storage_version
        api_version = f"{descriptor.group}/{version}" if descriptor.group else version
        return {**obj, "apiVersion": api_version, "kind": descriptor.kind}

    def _preview(self, key: Key, obj: JSONObject, revision: int) -> Record:
        """What a dry run answers: the object as it would be, at the revision that is."""
        if revision:
            objects.metadata(obj)["resourceVersion"] = str(revision)
        return Record(key, revision, objects.encode(obj), objects.labels(obj))

    def _check_namespace(self, namespace: str) -> None:
        """A namespaced object needs its namespace, and none that is going away."""
        if not self.descriptor.namespaced:
            return
        found = store.get(Key(self.cluster, "", "namespaces", "", "", namespace))
        if found is None:
            raise errors.not_found("", "namespaces", namespace)
        if objects.is_being_deleted(objects.decode(found.body)):
            raise errors.Forbidden(
                f"unable to create new content in namespace {namespace} because it is being terminated",
                causes=[
                    Cause(
                        "metadata.namespace",
                        "NamespaceTerminating",
                        f"namespace {namespace} is being terminated",
                    )
                ],
            )

    def _check_preconditions(self, obj: JSONObject, old: JSONObject) -> None:
        """A stated resourceVersion or uid must be the stored one."""
        metadata, before = objects.metadata(obj), old["metadata"]
        wanted = metadata.get("resourceVersion")
        if not wanted and self.descriptor.origin != "builtin":
            raise errors.invalid(
                self.descriptor.group,
                self.descriptor.kind,
                before["name"],
                [field.invalid("metadata.resourceVersion", "", "must be specified for an update")],
            )
        if wanted and wanted != before["resourceVersion"]:
            raise errors.stale(self.descriptor.group, self.descriptor.plural, before["name"])
        uid = metadata.get("uid")
        if uid and uid != before["uid"]:
            raise self._precondition(
                before["name"], f"UID in precondition: {uid}, UID in object meta: {before['uid']}"
            )

    def _check_delete_preconditions(self, wanted: Preconditions, old: JSONObject, name: str) -> None:
        before = old["metadata"]
        if wanted.uid and wanted.uid != before["uid"]:
            raise self._precondition(
                name,
                f"the UID in the precondition ({wanted.uid}) does not match the UID in record ({before['uid']}). "
                "The object might have been deleted and then recreated",
            )
        if wanted.resource_version and wanted.resource_version != before["resourceVersion"]:
            raise self._precondition(
                name,
                f"the ResourceVersion in the precondition ({wanted.resource_version}) does not match the "
                f"ResourceVersion in record ({before['resourceVersion']}). The object might have been modified",
            )

    def _precondition(self, name: str, reason: str) -> errors.Conflict:
        descriptor = self.descriptor
        return errors.Conflict(
            f'Operation cannot be fulfilled on {descriptor.qualified} "{name}": Precondition failed: {reason}',
            group=descriptor.group,
            kind=descriptor.plural,
            name=name,
        )

    def _not_found(self, name: str) -> errors.NotFound:
        return errors.not_found(self.descriptor.group, self.descriptor.plural, name)

    def _exists(self, name: str) -> errors.AlreadyExists:
        return errors.already_exists(self.descriptor.group, self.descriptor.plural, name)


class _Writing:
    """`store.writing` for one key, in which a taken unique value becomes the error that a client reads."""

    def __init__(self, context: Context, key: Key) -> None:
        self._context = context
        self._key = key
        self._manager = store.writing([key])

    def __enter__(self) -> store.Transaction:
        return self._manager.__enter__()

    def __exit__(self, *details: object) -> bool | None:
        try:
            return self._manager.__exit__(*details)  # type: ignore[arg-type]
        except UniqueTaken as taken:
            descriptor = self._context.descriptor
            raise errors.invalid(
                descriptor.group,
                descriptor.kind,
                self._key.name,
                [
                    Cause(
                        "spec",
                        "FieldValueDuplicate",
                        f'{taken.entry.value} is already taken by {descriptor.singular} "{taken.holder_name}" '
                        "in this workspace",
                    )
                ],
            ) from taken
