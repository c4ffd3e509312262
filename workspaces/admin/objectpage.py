"""What the page of one object shows."""

from __future__ import annotations

from dataclasses import dataclass, field

from kcpcache.apimachinery import errors, objects
from kcpcache.apimachinery.descriptor import Descriptor
from kcpcache.apimachinery.objects import JSONObject
from kcpcache.apimachinery.storage import Key
from kcpcache.apiserver.exchange import User
from workspaces.admin import changes, editing, yamltext
from workspaces.admin.changes import Change
from workspaces.models import Object
from workspaces.registry import client
from workspaces.store import encryption, inspection, overview, rows
from workspaces.store import objects as store

_SECRET = "the content of secrets is not shown; use the API, which asks for the right to read it."  # noqa: S105
_UNSERVED = "its workspace does not serve this kind (any more)."


@dataclass(slots=True)
class ObjectPage:
    """An object for people. `descriptor` is None, and `read_only` says why, where it cannot be edited."""

    key: Key
    workspace: str
    kind: str
    labels: dict[str, str]
    descriptor: Descriptor | None = None
    read_only: str = ""
    text: str = ""
    created: str = ""
    is_deleted: bool = False
    owners: list[JSONObject] = field(default_factory=list)
    finalizers: list[str] = field(default_factory=list)
    conditions: list[JSONObject] = field(default_factory=list)
    events: list[JSONObject] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)


def of(row: Object, user: User) -> ObjectPage:
    """Everything about one object that this user may see; of a secret nothing but its name and its labels."""
    key = Key(row.cluster, row.group, row.resource, row.identity, row.namespace, row.name)
    page = ObjectPage(
        key=key,
        workspace=overview.paths({row.cluster}).get(row.cluster, row.cluster),
        kind=f"{row.resource}.{row.group}" if row.group else row.resource,
        labels=dict(rows.parsed_labels(row.labels)),
        changes=changes.of(key),
        events=inspection.events_about(row.cluster, row.namespace, row.name, row.uid),
    )
    if encryption.is_secret(row.group, row.resource):
        page.read_only = _SECRET
        return page
    page.descriptor = _descriptor(key)
    obj = editing.read(user, page.descriptor, key) if page.descriptor else _stored(key)
    if obj is None:
        page.descriptor, obj = None, _stored(key) or {"metadata": {"name": row.name}}
    if page.descriptor is None:
        page.read_only = _UNSERVED
    _describe(page, obj)
    return page


def _descriptor(key: Key) -> Descriptor | None:
    try:
        found = client.descriptor_of(key.cluster, key.group, key.resource)
    except errors.NotFound:
        return None
    return found if found.identity == key.identity and found.origin != "virtual" else None


def _stored(key: Key) -> JSONObject | None:
    record = store.get(key)
    return objects.decode(record.body) if record else None


def _describe(page: ObjectPage, obj: JSONObject) -> None:
    metadata = obj["metadata"]
    metadata.pop("managedFields", None)
    status = obj.get("status")
    page.text = yamltext.of(obj)
    page.created = str(metadata.get("creationTimestamp") or "")
    page.is_deleted = objects.is_being_deleted(obj)
    page.owners = metadata.get("ownerReferences") or []
    page.finalizers = metadata.get("finalizers") or []
    found = status.get("conditions") if isinstance(status, dict) else None
    page.conditions = [entry for entry in found or [] if isinstance(entry, dict) and "type" in entry]
