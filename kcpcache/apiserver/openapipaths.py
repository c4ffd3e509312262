"""The operations of a resource, from which the paths of both OpenAPI versions are written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from kcpcache.apimachinery.descriptor import Descriptor
from kcpcache.apiserver import negotiation, openapimeta


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of the query or the path."""

    name: str
    type: str
    description: str
    place: str = "query"


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path. `body` and `result` are definition names, empty without."""

    path: str
    method: str
    action: str
    id: str
    description: str
    parameters: tuple[Parameter, ...]
    body: str
    result: str
    gvk: tuple[str, str, str]
    consumes: tuple[str, ...] = ("*/*",)
    code: str = "200"


_PRETTY = Parameter("pretty", "string", "If 'true', then the output is pretty printed.")
_DRY_RUN = Parameter(
    "dryRun", "string",
    "When present, indicates that modifications should not be persisted. Valid values are: All",
)  # fmt: skip
_FIELD_MANAGER = Parameter(
    "fieldManager", "string", "A name associated with the actor or entity that is making these changes."
)
_FIELD_VALIDATION = Parameter(
    "fieldValidation", "string",
    "Instructs the server on how to handle objects in the request containing unknown or duplicate fields. "
    "Valid values are: Ignore, Warn (the default), Strict.",
)  # fmt: skip
_FORCE = Parameter(
    "force", "boolean", 'Force is going to "force" Apply requests: take over conflicting fields.'
)
_WRITE = (_DRY_RUN, _FIELD_MANAGER, _FIELD_VALIDATION)
_RESOURCE_VERSION = Parameter(
    "resourceVersion", "string", "Sets a constraint on what resource versions a request may be served from."
)
_LIST = (
    Parameter("allowWatchBookmarks", "boolean", 'Requests watch events with type "BOOKMARK".'),
    Parameter(
        "continue",
        "string",
        "The continue option should be set when retrieving more results from the server.",
    ),
    Parameter(
        "fieldSelector", "string", "A selector to restrict the list of returned objects by their fields."
    ),
    Parameter(
        "labelSelector", "string", "A selector to restrict the list of returned objects by their labels."
    ),
    Parameter("limit", "integer", "The maximum number of responses to return for a list call."),
    _RESOURCE_VERSION,
    Parameter("resourceVersionMatch", "string", "How resourceVersion is applied to list calls."),
    Parameter(
        "sendInitialEvents", "boolean", "Begin the watch stream with synthetic events for all objects."
    ),
    Parameter("timeoutSeconds", "integer", "Timeout for the list/watch call."),
    Parameter("watch", "boolean", "Watch for changes and return them as a stream of notifications."),
)
_DELETE = (
    _DRY_RUN,
    Parameter(
        "gracePeriodSeconds", "integer", "The duration in seconds before the object should be deleted."
    ),
    Parameter("orphanDependents", "boolean", "Deprecated: please use the PropagationPolicy."),
    Parameter("propagationPolicy", "string", "Whether and how garbage collection will be performed."),
)
_PATCHES = (negotiation.JSON_PATCH, negotiation.MERGE_PATCH, negotiation.APPLY_PATCH)
_BUILTIN_PATCHES = (*_PATCHES, negotiation.STRATEGIC_MERGE_PATCH)  # kubectl sends what is listed here
NAME = Parameter("name", "string", "name of the object", "path")
NAMESPACE = Parameter(
    "namespace", "string", "object name and auth scope, such as for teams and projects", "path"
)


def definition_name(d: Descriptor) -> str:
    """What a kind is called among the definitions: the group reversed, version and kind."""
    group = ".".join(reversed(d.group.split("."))) if d.group else "io.k8s.api.core"
    return f"{group}.{d.version}.{d.kind}"


def operations(d: Descriptor, verbs: Iterable[str]) -> Iterator[Operation]:
    """Every operation on the resource and its subresources."""
    served = set(verbs)
    root = f"/apis/{d.group}/{d.version}" if d.group else f"/api/{d.version}"
    collection = f"{root}/namespaces/{{namespace}}/{d.plural}" if d.namespaced else f"{root}/{d.plural}"
    if d.namespaced and "list" in served:
        yield _operation(d, f"{root}/{d.plural}", "list", "get", "ForAllNamespaces")
    yield from _existing(
        d, served, collection, (("list", "get"), ("create", "post"), ("deletecollection", "delete"))
    )
    item = f"{collection}/{{name}}"
    yield from _existing(
        d, served, item, (("get", "get"), ("update", "put"), ("patch", "patch"), ("delete", "delete"))
    )
    for subresource in ("status",) * d.has_status + ("scale",) * (d.scale is not None):
        for verb, method in (("get", "get"), ("update", "put"), ("patch", "patch")):
            if verb in served:
                yield _operation(
                    d, f"{item}/{subresource}", verb, method, subresource.capitalize(), subresource
                )


def path_parameters(path: str) -> list[Parameter]:
    """The parameters in braces of a path, and `pretty`."""
    return [p for p in (NAME, NAMESPACE) if f"{{{p.name}}}" in path] + [_PRETTY]


def _existing(
    d: Descriptor, served: set[str], path: str, methods: Iterable[tuple[str, str]]
) -> Iterator[Operation]:
    for verb, method in methods:
        if verb in served:
            yield _operation(d, path, verb, method)


def _operation(
    d: Descriptor, path: str, verb: str, method: str, suffix: str = "", subresource: str = ""
) -> Operation:
    kind = openapimeta.SCALE if subresource == "scale" else definition_name(d)
    parameters: tuple[Parameter, ...] = {
        "list": _LIST, "create": _WRITE, "update": _WRITE, "patch": (*_WRITE, _FORCE), "get": (_RESOURCE_VERSION,),
        "delete": _DELETE, "deletecollection": (*_LIST, *_DELETE),
    }[verb]  # fmt: skip
    body = {
        "create": kind, "update": kind, "patch": openapimeta.META + "Patch",
        "delete": openapimeta.META + "DeleteOptions", "deletecollection": openapimeta.META + "DeleteOptions",
    }.get(verb, "")  # fmt: skip
    status = openapimeta.META + "Status"
    result = {"list": f"{kind}List", "delete": status, "deletecollection": status}.get(verb, kind)
    action = {"create": "post", "update": "put"}.get(verb, verb)
    words = {
        "create": "create",
        "update": "replace",
        "patch": "partially update",
        "get": "read the specified",
    }
    patches = _BUILTIN_PATCHES if d.origin == "builtin" else _PATCHES
    gvk = ("autoscaling", "v1", "Scale") if subresource == "scale" else (d.group, d.version, d.kind)
    scope = "Namespaced" if d.namespaced and not suffix.startswith("For") else ""
    identifier = "".join(part.capitalize() for part in d.group.removesuffix(".k8s.io").split(".")) or "Core"
    return Operation(
        path, method, action, f"{action}{identifier}{d.version.capitalize()}{scope}{d.kind}{suffix}",
        f"{words.get(verb, verb)} {d.kind}{' ' + subresource if subresource else ''}",
        parameters, body, result, gvk,
        consumes=patches if verb == "patch" else ("*/*",), code="201" if verb == "create" else "200",
    )  # fmt: skip
