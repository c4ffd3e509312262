"""The 409 of server-side apply, in the words that kubectl and controllers look for."""

from __future__ import annotations

from kcpcache.apimachinery import errors
from kcpcache.apimachinery.apply import fieldset
from kcpcache.apimachinery.apply.fieldset import FieldSet
from kcpcache.apimachinery.apply.managers import UPDATE, Entry
from kcpcache.apimachinery.errors import Cause


def error(conflicts: list[tuple[Entry, FieldSet]]) -> errors.Conflict:
    """The refusal of an apply that wants fields which other managers own, with one cause a field."""
    found: list[tuple[str, str]] = []
    count = 0
    for entry, fields in sorted(conflicts, key=lambda conflict: conflict[0].identity):
        paths = [errors.cut(path, errors.MAX_FIELD_CHARS) for path in fieldset.paths(fields)]
        count += len(paths)
        found += [(_shown(entry), path) for path in sorted(paths)[: errors.MAX_CAUSES + 1 - len(found)]]
    causes = (Cause(path, "FieldManagerConflict", f"conflict with {manager}") for manager, path in found)
    return errors.Conflict(_message(found[: errors.MAX_CAUSES], count), causes=causes)


def _message(found: list[tuple[str, str]], count: int) -> str:
    if count == 1:
        ((manager, path),) = found
        return f"Apply failed with 1 conflict: conflict with {manager}: {path}"
    by_manager: dict[str, list[str]] = {}
    for manager, path in found:
        by_manager.setdefault(manager, []).append(f"- {path}")
    lines = [line for manager, paths in by_manager.items() for line in (f"conflicts with {manager}:", *paths)]
    if count > len(found):
        lines.append(f"and {count - len(found)} more")
    return f"Apply failed with {count} conflicts: " + "\n".join(lines)


def _shown(entry: Entry) -> str:
    shown = f'"{entry.manager}"'
    if entry.subresource:
        shown += f' with subresource "{entry.subresource}"'
    return f"{shown} using {entry.api_version}" if entry.operation == UPDATE else shown
