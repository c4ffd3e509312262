"""Which names of resources and kinds are taken in a workspace, by CRDs and bindings, one API group at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from kcpcache.apimachinery import conditions, objects
from kcpcache.apimachinery.objects import JSONObject
from kcpcache.apimachinery.storage import Collection, Key
from workspaces.kinds import indexes
from workspaces.store import objects as store

_BINDINGS = ("apis.kcp.io", "apibindings")
_SCHEMAS = ("apis.kcp.io", "apiresourceschemas")


@dataclass(slots=True)
class Taken:
    """Names that are in use, each with a word on who has it."""

    resources: dict[str, str] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)

    def add(self, names: JSONObject, holder: str) -> None:
        """Take in the names of one resource; ones that are not set are not taken."""
        for name in (names.get("plural"), names.get("singular"), *(names.get("shortNames") or ())):
            if name:
                self.resources.setdefault(name, holder)
        for name in (names.get("kind"), names.get("listKind")):
            if name:
                self.kinds.setdefault(name, holder)

    def conflict(self, names: JSONObject) -> str:
        """The first conflict of the names of another resource, as a sentence; empty when there is none."""
        for name in (names.get("plural"), names.get("singular"), *(names.get("shortNames") or ())):
            if name in self.resources:
                return f'the resource name "{name}" is used by {self.resources[name]}'
        for name in (names.get("kind"), names.get("listKind")):
            if name in self.kinds:
                return f'the kind "{name}" is used by {self.kinds[name]}'
        return ""


def taken(cluster: str, group: str, *, except_crd: str = "", except_binding: str = "") -> Taken:
    """The names that are in use in one API group of a workspace, without those of one CRD or one binding."""
    found = Taken()
    for record in store.find(indexes.GROUP, group, cluster):
        if record.key.name != except_crd:
            accepted = (objects.decode(record.body).get("status") or {}).get("acceptedNames") or {}
            found.add(accepted, f"CustomResourceDefinition {record.key.name}")
    for binding in _bindings(cluster):
        name = binding["metadata"]["name"]
        if name != except_binding:
            for schema in bound_schemas(binding, group):
                found.add(schema["spec"]["names"], f"APIBinding {name}")
    return found


def _bindings(cluster: str) -> Iterator[JSONObject]:
    after: str | None = None
    while records := store.iterate(Collection(cluster, *_BINDINGS), after=after, limit=500):
        for record in records:
            yield objects.decode(record.body)
        after = store.place(records[-1].key)


def bound_schemas(binding: JSONObject, group: str) -> Iterator[JSONObject]:
    """The APIResourceSchemas that a binding holds in one API group."""
    status = binding.get("status") or {}
    for entry in status.get("boundResources") or []:
        if entry["group"] == group:
            key = Key(status.get("apiExportClusterName") or "", *_SCHEMAS, "", "", entry["schema"]["name"])
            if record := store.get(key):
                yield objects.decode(record.body)


def bound_schema(cluster: str, group: str, resource: str) -> JSONObject | None:
    """The APIResourceSchema under which a workspace has a resource bound."""
    for binding in _bindings(cluster):
        for schema in bound_schemas(binding, group):
            if schema["spec"]["names"]["plural"] == resource:
                return schema
    return None


def is_established(crd: JSONObject) -> bool:
    """Whether a CRD has been served."""
    return conditions.is_true(crd, "Established")


def accept(cluster: str, crd: JSONObject) -> bool:
    """Set `status.acceptedNames` and the conditions of a CRD (in place) by what is free; whether they changed.

    As the naming controller of k8s.io/apiextensions-apiserver: what is taken is left as it was accepted before, and a
    definition that was established once stays so.
    """
    spec_names = crd["spec"]["names"]
    status = crd.setdefault("status", {})
    others = taken(cluster, crd["spec"]["group"], except_crd=crd["metadata"]["name"])
    accepted, reason, message = _accepted(spec_names, status.get("acceptedNames") or {}, others)
    before = status.get("acceptedNames")
    status["acceptedNames"] = accepted
    entries = status.setdefault("conditions", [])
    now = objects.timestamp()
    if reason:
        changed = conditions.set_condition(entries, "NamesAccepted", "False", reason, message, now=now)
        if not is_established(crd):
            refusal = ("False", "NotAccepted", "not all names are accepted")
            changed |= conditions.set_condition(entries, "Established", *refusal, now=now)
        return changed or before != accepted
    welcome = ("True", "NoConflicts", "no conflicts found")
    changed = conditions.set_condition(entries, "NamesAccepted", *welcome, now=now)
    initial = ("True", "InitialNamesAccepted", "the initial names have been accepted")
    changed |= conditions.set_condition(entries, "Established", *initial, now=now)
    return changed or before != accepted


def _accepted(wanted: JSONObject, before: JSONObject, others: Taken) -> tuple[JSONObject, str, str]:
    """The names that can be accepted, and reason and message of the first conflict."""
    accepted: JSONObject = {}
    problems: list[tuple[str, str]] = []
    for part, in_use, reason in (
        ("plural", others.resources, "PluralConflict"),
        ("singular", others.resources, "SingularConflict"),
        ("kind", others.kinds, "KindConflict"),
        ("listKind", others.kinds, "ListKindConflict"),
    ):
        if wanted.get(part) in in_use:
            problems.append((reason, _in_use(wanted[part], in_use)))
            accepted[part] = before.get(part) or ""
        else:
            accepted[part] = wanted.get(part) or ""
    short_names = wanted.get("shortNames") or []
    conflicting = [name for name in short_names if name in others.resources]
    if conflicting:
        problems.append(
            ("ShortNamesConflict", "; ".join(_in_use(name, others.resources) for name in conflicting))
        )
        short_names = before.get("shortNames") or []
    for part, values in (("shortNames", short_names), ("categories", wanted.get("categories") or [])):
        if values:
            accepted[part] = list(_unique(values))
    reason, message = problems[0] if problems else ("", "")
    return accepted, reason, message


def _in_use(name: str, in_use: dict[str, str]) -> str:
    return f'"{name}" is already in use by {in_use[name]}'


def _unique(values: Iterable[str]) -> dict[str, None]:
    return dict.fromkeys(values)
