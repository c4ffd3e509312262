"""The parameters of writes, read and checked as kube-apiserver does.

Source: `metav1.CreateOptions`, `UpdateOptions`, `PatchOptions`, `DeleteOptions` and their validation.
"""

from __future__ import annotations

from dataclasses import dataclass

from kcpcache.apimachinery import errors, field, storage, strict
from kcpcache.apimachinery.errors import Cause
from kcpcache.apimachinery.objects import JSONObject
from kcpcache.apiserver import negotiation, protobuf, requestinfo
from kcpcache.apiserver.exchange import Request
from kcpcache.apiserver.requestinfo import RequestInfo

MAX_FIELD_MANAGER_BYTES = 128
_FIELD_VALIDATIONS = ("Ignore", "Strict", "Warn")
_PROPAGATION_POLICIES = ("Background", "Foreground", "Orphan")


def write_options(request: Request, info: RequestInfo, options_kind: str) -> storage.WriteOptions:
    """The options of a create, update or patch; Invalid names `options_kind` (``CreateOptions``)."""
    field_validation = request.parameter("fieldValidation") or "Warn"
    manager = request.parameter("fieldManager")
    causes = _dry_run_causes(request.query.get("dryRun", []))
    causes += _field_manager_causes(manager)
    if field_validation not in _FIELD_VALIDATIONS:
        causes.append(field.not_supported("fieldValidation", field_validation, _FIELD_VALIDATIONS))
    _refuse(options_kind, causes)
    return storage.WriteOptions(
        user=request.user.name if request.user else "",
        field_manager=manager or default_manager(request),
        dry_run=_is_dry_run(request.query.get("dryRun", [])),
        field_validation=field_validation,
        subresource=info.subresource,
        warn=request.warnings.append,
    )


def default_manager(request: Request) -> str:
    """Who manages fields when nobody is named: the program of User-Agent, without its version."""
    program = request.headers.get("user-agent", "").partition("/")[0]
    printable = "".join(character for character in program if character.isprintable())
    return printable.encode()[:MAX_FIELD_MANAGER_BYTES].decode(errors="ignore") or "unknown"


def apply_force(request: Request, media: str) -> bool:
    """`force` of an apply patch; Invalid for other patches that carry it, and for an apply without manager."""
    causes = []
    if media == negotiation.APPLY_PATCH:
        if not request.parameter("fieldManager"):
            causes.append(field.required("fieldManager", "is required for apply patch"))
    elif "force" in request.query:
        causes.append(field.forbidden("force", "may not be specified for non-apply patch"))
    _refuse("PatchOptions", causes)
    return requestinfo.flag(request.query, "force")


@dataclass(frozen=True, slots=True)
class Deletion:
    """`options` for the storage; `waits` when the client asked for cascading in the old words (202)."""

    options: storage.DeleteOptions
    waits: bool = False


def deletion(request: Request) -> Deletion:
    """The options of a delete, from its body or its parameters; BadRequest, Invalid, UnsupportedMediaType."""
    given = _delete_body(request) if request.body.strip() else _delete_parameters(request)
    policy, orphan = given.get("propagationPolicy"), given.get("orphanDependents")
    dry_run = given.get("dryRun") or request.query.get("dryRun", [])
    preconditions = {} if given.get("preconditions") is None else given["preconditions"]
    texts = [policy or "", *(preconditions.values() if isinstance(preconditions, dict) else [None])]
    if (
        not all(isinstance(text, str | None) for text in texts) or not isinstance(preconditions, dict)
        or not isinstance(orphan, bool | None) or not isinstance(dry_run, list)
    ):  # fmt: skip
        raise errors.BadRequest("the DeleteOptions of the request are malformed")
    causes = _dry_run_causes(dry_run)
    if policy and orphan is not None:
        detail = "orphanDependents and deletionPropagation cannot be both set"
        causes.append(field.invalid("propagationPolicy", policy, detail))
    elif policy and policy not in _PROPAGATION_POLICIES:
        causes.append(field.not_supported("propagationPolicy", policy, [*_PROPAGATION_POLICIES, "nil"]))
    _refuse("DeleteOptions", causes)
    if orphan is not None:
        policy = "Orphan" if orphan else "Background"
    options = storage.DeleteOptions(
        propagation_policy=policy or "",
        preconditions=storage.Preconditions(
            preconditions.get("uid") or "", preconditions.get("resourceVersion") or ""
        ),
        dry_run=_is_dry_run(dry_run),
    )
    return Deletion(options, waits=orphan is False)


def _delete_body(request: Request) -> JSONObject:
    media = negotiation.body_media(
        request.headers, (negotiation.JSON, negotiation.YAML, negotiation.PROTOBUF)
    )
    if media == negotiation.PROTOBUF:
        obj = protobuf.decode(request.body)
    else:
        read = strict.decode_yaml if media == negotiation.YAML else strict.decode_json
        obj, _ = read(request.body, find_duplicates=False)
    if obj.get("kind", "DeleteOptions") != "DeleteOptions":
        raise errors.BadRequest("decoded object cannot be converted to DeleteOptions")
    return obj


def _delete_parameters(request: Request) -> JSONObject:
    given: JSONObject = {"propagationPolicy": request.parameter("propagationPolicy")}
    if "orphanDependents" in request.query:
        given["orphanDependents"] = requestinfo.flag(request.query, "orphanDependents")
    return given


def _dry_run_causes(values: list[str]) -> list[Cause]:
    """Everything but ``All`` is refused, an empty value too: nobody may take a real write for a dry one."""
    return [field.not_supported("dryRun", value, ["All"]) for value in values if value != "All"]


def _is_dry_run(values: list[str]) -> bool:
    return "All" in values


def _field_manager_causes(manager: str) -> list[Cause]:
    causes = []
    if len(manager.encode()) > MAX_FIELD_MANAGER_BYTES:
        causes.append(field.too_long("fieldManager", MAX_FIELD_MANAGER_BYTES))
    if not manager.isprintable():
        causes.append(field.invalid("fieldManager", manager, "should only contain printable characters"))
    return causes


def _refuse(options_kind: str, causes: list[Cause]) -> None:
    if causes:
        raise errors.invalid("meta.k8s.io", options_kind, "", causes)
