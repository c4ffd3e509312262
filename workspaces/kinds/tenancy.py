"""Workspaces, their types, the logical clusters behind them, and shards."""

from __future__ import annotations

import secrets
import string

import orjson
from django.conf import settings

from kcpcache.apimachinery import errors, field, objects
from kcpcache.apimachinery.errors import Cause
from kcpcache.apimachinery.objects import JSONObject
from workspaces.admission import workspacetypes
from workspaces.kinds import finalizers, kind
from workspaces.registry.strategy import Context, Strategy

CLUSTER_ANNOTATION = "internal.tenancy.kcp.io/cluster"
SHARD_ANNOTATION = "internal.tenancy.kcp.io/shard"
OWNER_ANNOTATION = "experimental.tenancy.kcp.io/owner"
TYPE_ANNOTATION = workspacetypes.TYPE_ANNOTATION
PATH_ANNOTATION = "kcp.io/path"
PHASE_LABEL = "tenancy.kcp.io/phase"

_ALPHABET = string.ascii_lowercase + string.digits
_CLUSTER_LENGTH = 16  # characters of base 36: 82 bits, unique everywhere
_PATH_LIMIT = 1024  # characters


def url_of(path: str) -> str:
    """The URL under which a workspace is served."""
    return f"{settings.KCPCACHE_EXTERNAL_URL}/clusters/{path}"


def new_cluster() -> str:
    """A fresh name for a logical cluster. It begins with a letter, so that no reader takes it for a number."""
    rest = "".join(secrets.choice(_ALPHABET) for _ in range(_CLUSTER_LENGTH - 1))
    return secrets.choice(string.ascii_lowercase) + rest


class WorkspaceStrategy(Strategy):
    """Gives a workspace its logical cluster, URL and type."""

    name_check = "label"
    system_finalizer = finalizers.WORKSPACE

    def prepare_for_create(self, context: Context, obj: JSONObject) -> None:
        """See `Strategy`. A cluster or URL that a client states is somebody else's."""
        spec = obj.setdefault("spec", {})
        stated = [
            field.forbidden(f"spec.{name}", "set by the system")
            for name in ("cluster", "URL")
            if spec.get(name)
        ]
        metadata = objects.metadata(obj)
        if stated:
            raise errors.invalid("tenancy.kcp.io", "Workspace", str(metadata.get("name") or ""), stated)
        spec["cluster"] = new_cluster()
        spec["URL"] = url_of(f"{context.path}:{metadata.get('name') or ''}")
        metadata["annotations"] = {
            **(metadata.get("annotations") or {}),
            CLUSTER_ANNOTATION: spec["cluster"],
            SHARD_ANNOTATION: settings.KCPCACHE_SHARD,
            OWNER_ANNOTATION: orjson.dumps({"username": context.user}).decode(),
        }
        finalizers.add(obj, finalizers.WORKSPACE)
        obj["status"] = {"phase": "Scheduling"}
        _label(obj)

    def prepare_for_update(self, context: Context, obj: JSONObject, old: JSONObject) -> None:
        """See `Strategy`; what the server has set stays when a client leaves it out, as `kubectl replace` does."""
        spec = obj.setdefault("spec", {})
        for name in ("cluster", "URL", "type"):
            if name not in spec and name in old["spec"]:
                spec[name] = old["spec"][name]
        before = old["spec"].get("type") or {}
        if isinstance(spec.get("type"), dict) and {"path": before.get("path"), **spec["type"]} == before:
            spec["type"] = before
        _keep_annotations(obj, old, (CLUSTER_ANNOTATION, SHARD_ANNOTATION, OWNER_ANNOTATION))
        finalizers.keep(obj, finalizers.WORKSPACE)
        _label(obj)

    def admit(self, context: Context, obj: JSONObject | None, old: JSONObject | None) -> None:
        """Settle the type of a new workspace, and whether it may lie here."""
        if obj is not None and old is None:
            workspacetypes.admit(context.cluster, context.path, obj)

    def validate(self, context: Context, obj: JSONObject) -> list[Cause]:
        """See `Strategy`."""
        name = obj["metadata"]["name"]
        if len(context.path) + 1 + len(name) > _PATH_LIMIT:
            return [
                field.invalid(
                    "metadata.name", name, f"the path would be longer than {_PATH_LIMIT} characters"
                )
            ]
        return []

    def validate_update(self, context: Context, obj: JSONObject, old: JSONObject) -> list[Cause]:
        """See `Strategy`."""
        return [
            field.invalid(f"spec.{name}", obj["spec"].get(name), f"{name} is immutable")
            for name in ("cluster", "URL", "type")
            if obj["spec"].get(name) != old["spec"].get(name)
        ]

    def affects_discovery(self, obj: JSONObject | None, old: JSONObject | None) -> bool:
        """See `Strategy`: an address goes; a new one nobody remembers."""
        return obj is None


def _label(obj: JSONObject) -> None:
    """The phase as a label, by which kcp's own clients select."""
    metadata = objects.metadata(obj)
    phase = (obj.get("status") or {}).get("phase") or "Scheduling"
    metadata["labels"] = {**(metadata.get("labels") or {}), PHASE_LABEL: phase}


def _keep_annotations(obj: JSONObject, old: JSONObject, names: tuple[str, ...]) -> None:
    """Put back what the server has annotated (in place)."""
    before, metadata = objects.annotations(old), objects.metadata(obj)
    kept = {name: before[name] for name in names if name in before}
    metadata["annotations"] = {**(metadata.get("annotations") or {}), **kept}


def _keep_owners(obj: JSONObject, old: JSONObject) -> None:
    """Put back the owner references (in place): garbage collection deletes what has only owners that are gone."""
    metadata = objects.metadata(obj)
    metadata.pop("ownerReferences", None)
    if "ownerReferences" in old["metadata"]:
        metadata["ownerReferences"] = old["metadata"]["ownerReferences"]


class LogicalClusterStrategy(Strategy):
    """The inside of a workspace: made and removed by the tenancy controller only."""

    is_internal = True
    system_finalizer = finalizers.WORKSPACE

    def prepare_for_create(self, context: Context, obj: JSONObject) -> None:
        """See `Strategy`."""
        finalizers.add(obj, finalizers.WORKSPACE)
        obj["status"] = {"phase": "Ready", "URL": url_of(context.path)}

    def prepare_for_update(self, context: Context, obj: JSONObject, old: JSONObject) -> None:
        """See `Strategy`; type and path decide what the workspace may hold, and an owner when it is deleted."""
        finalizers.keep(obj, finalizers.WORKSPACE)
        _keep_owners(obj, old)
        obj["spec"] = old.get("spec") or {}
        _keep_annotations(obj, old, (TYPE_ANNOTATION, PATH_ANNOTATION))

    def affects_discovery(self, obj: JSONObject | None, old: JSONObject | None) -> bool:
        """See `Strategy`."""
        return obj is None


WORKSPACES = kind.load("workspaces.tenancy.kcp.io", WorkspaceStrategy())
WORKSPACE_TYPES = kind.load("workspacetypes.tenancy.kcp.io", Strategy())
LOGICAL_CLUSTERS = kind.load("logicalclusters.core.kcp.io", LogicalClusterStrategy())
SHARDS = kind.load("shards.core.kcp.io", Strategy(), only_in=("root",))
