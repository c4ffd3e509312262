"""The write pipeline of one resource, cut in two, so that many objects can be stored in one transaction.

What needs no lock (clean, default, validate) is `Target.prepare`; what does (admit, store) is `Target.store`.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

from kcpcache.apimachinery import equality, errors, objects
from kcpcache.apimachinery.objects import JSONObject
from kcpcache.apimachinery.storage import Key, Record, WriteOptions
from workspaces.manifests import Document
from workspaces.registry import pipeline, rest, workspace
from workspaces.store import objects as store

# What the server decides, so that an object that was printed by the server can be applied again.
SERVER_FIELDS = (
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
)


@dataclass(frozen=True, slots=True)
class Item:
    """One object to be stored, where, and the document it comes from."""

    document: Document
    target: Target
    key: Key
    obj: JSONObject


@dataclass(frozen=True, slots=True)
class Prepared:
    """An object that is ready to be stored in place of `old`, which has `revision` (0: there is none)."""

    item: Item
    obj: JSONObject
    old: JSONObject | None
    revision: int


class Target(rest.ResourceStorage):
    """The storage of one resource in one workspace."""

    @property
    def takes_batches(self) -> bool:
        """Custom resources do; built-in kinds may depend on one another within a run."""
        return self.descriptor.origin in ("crd", "binding")

    def key_of(self, obj: JSONObject, default_namespace: str) -> Key:
        """Where an object is stored; MethodNotAllowed if the workspace only reads this resource, BadRequest."""
        if self.descriptor.origin == "virtual":
            raise errors.MethodNotAllowed(workspace.refusal_of(self.descriptor, "create"))
        name, namespace = obj["metadata"]["name"], ""
        if self.descriptor.namespaced:
            namespace = obj["metadata"].get("namespace") or default_namespace
            if not isinstance(namespace, str):
                raise errors.BadRequest("metadata.namespace must be a string")
        if "\0" in name + namespace:
            raise errors.BadRequest("a name contains a null character")
        return self._key(namespace, name)

    def prepare(self, item: Item, record: Record | None, options: WriteOptions) -> Prepared | None:
        """The object as it will be stored; None when that is what is stored already. Raises APIError."""
        context = self._context(options)
        old = objects.decode(record.body) if record else None
        if old is None:
            self.refuse_when_terminating()
            obj = self._to_storage(merged(None, item.obj))
            if self.descriptor.has_status:
                obj.pop("status", None)
            pipeline.clean(context, self.strategy, obj, options)
            pipeline.begin_metadata(context, item.key.namespace, obj)
            self.strategy.prepare_for_create(context, obj)
        else:
            shown = {**copy.deepcopy(old), "apiVersion": self.descriptor.api_version}
            obj = self._to_storage(merged(shown, item.obj))
            pipeline.clean(context, self.strategy, obj, options)
            pipeline.carry_metadata(context, obj, old)
            obj = pipeline.carry_status(context, obj, old)
            self.strategy.prepare_for_update(context, obj, old)
        pipeline.count_generation(context, self.strategy, obj, old)
        pipeline.validate(context, self.strategy, obj, old)
        return (
            None
            if equality.is_equal(obj, old)
            else Prepared(item, obj, old, record.revision if record else 0)
        )

    def store(self, tx: store.Transaction, write: Prepared, options: WriteOptions) -> None:
        """Admit and collect one prepared object; raises APIError."""
        context = self._context(options)
        if write.old is None:
            self._check_namespace(write.item.key.namespace)
        self.strategy.admit(context, write.obj, write.old)
        self._put(tx, context, write.item.key, write.obj, write.old)


def merged(present: JSONObject | None, wanted: JSONObject) -> JSONObject:
    """The present object with the document's fields merged into it, or a copy of the document alone."""
    metadata = {name: value for name, value in wanted["metadata"].items() if name not in SERVER_FIELDS}
    wanted = {**wanted, "metadata": metadata}
    return copy.deepcopy(wanted) if present is None else _merged(present, wanted)


def _merged(present: JSONObject, wanted: JSONObject) -> JSONObject:
    """As a JSON merge patch, but that a null which is stored already stays: else every other run would change it."""
    result = {
        name: value
        for name, value in present.items()
        if name not in wanted or wanted[name] is not None or value is None
    }
    for name, value in wanted.items():
        if isinstance(value, dict):
            inner = result.get(name)
            result[name] = _merged(inner if isinstance(inner, dict) else {}, value)
        elif value is not None:
            result[name] = copy.deepcopy(value)
    return result
