"""Namespaces: held by a finalizer until the namespace controller has deleted what is in them."""

from __future__ import annotations

from django.conf import settings

from kcpcache.apimachinery import errors, objects
from kcpcache.apimachinery.objects import JSONObject
from workspaces.kinds import finalizers, kind
from workspaces.registry.strategy import Context, Strategy

NAME_LABEL = "kubernetes.io/metadata.name"


class NamespaceStrategy(Strategy):
    """Phase, name label and finalizer."""

    name_check = "label"
    has_generation = False

    def prepare_for_create(self, context: Context, obj: JSONObject) -> None:
        """See `Strategy`."""
        finalizers.add(obj, finalizers.NAMESPACE)
        obj["spec"] = {"finalizers": [finalizers.NAMESPACE]}
        obj["status"] = {"phase": "Active"}
        _label(obj)

    def prepare_for_update(self, context: Context, obj: JSONObject, old: JSONObject) -> None:
        """See `Strategy`."""
        finalizers.keep(obj, finalizers.NAMESPACE)
        obj["spec"] = old.get("spec") or {}
        _label(obj)

    def admit(self, context: Context, obj: JSONObject | None, old: JSONObject | None) -> None:
        """The namespaces that every workspace has stay."""
        if obj is None and old is not None:
            name = old["metadata"]["name"]
            if name in ("default", settings.KCPCACHE_IDENTITY_NAMESPACE):
                raise errors.Forbidden(
                    f'namespaces "{name}" is forbidden: this namespace may not be deleted',
                    kind="namespaces",
                    name=name,
                )


def _label(obj: JSONObject) -> None:
    metadata = objects.metadata(obj)
    metadata["labels"] = {**(metadata.get("labels") or {}), NAME_LABEL: metadata.get("name") or ""}


NAMESPACES = kind.load("namespaces", NamespaceStrategy(), selectable_fields=("status.phase",))
