"""Compiles what a schema says about objects and lists."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kcpcache.apimachinery import field, trail
from kcpcache.apimachinery.schema import failures, scalars
from kcpcache.apimachinery.schema.failures import Check, Compiled, Failure, Failures

Compile = Callable[[dict[str, Any]], Compiled]


def object_checks(schema: dict[str, Any], compile_child: Compile) -> list[Check]:
    """The checks of an object; `compile_child` makes the check of a schema one level down."""
    checks: list[Check] = []
    if required := schema.get("required"):
        checks.append(_required(tuple(required)))
    properties = {name: compile_child(child) for name, child in (schema.get("properties") or {}).items()}
    additional = schema.get("additionalProperties")
    if isinstance(additional, dict):
        checks.append(_additional(properties, compile_child(additional)))
    elif additional is False:
        checks.append(_closed(properties))
    elif properties:
        checks.append(_properties(properties))
    if (most := schema.get("maxProperties")) is not None:
        checks.append(_too_many(most))
    if (least := schema.get("minProperties")) is not None:
        checks.append(_too_few(least, "properties"))
    if schema.get("x-kubernetes-embedded-resource"):
        checks.append(_embedded_resource)
    return checks


def list_checks(schema: dict[str, Any], compile_child: Compile) -> list[Check]:
    """The checks of a list; `compile_child` makes the check of its items."""
    checks: list[Check] = []
    if (most := schema.get("maxItems")) is not None:
        checks.append(_too_many(most))
    if (least := schema.get("minItems")) is not None:
        checks.append(_too_few(least, "items"))
    if schema.get("uniqueItems"):
        checks.append(_unique_items)
    if isinstance(items := schema.get("items"), dict):
        checks.append(_items(compile_child(items)))
    if schema.get("x-kubernetes-list-type") == "set":
        checks.append(_set_items)
    elif schema.get("x-kubernetes-list-type") == "map":
        checks.append(_map_items(tuple(schema.get("x-kubernetes-list-map-keys") or ())))
    return checks


def _required(names: tuple[str, ...]) -> Check:
    def check(value: dict[str, Any]) -> Failures | None:
        missing = [name for name in names if name not in value][: failures.MAX_FAILURES]
        if not missing:
            return None
        return [Failure("FieldValueRequired", "Required value", path=f".{name}") for name in missing]

    return check


def _properties(properties: dict[str, Compiled]) -> Check:
    known = properties.get

    def check(value: dict[str, Any]) -> Failures | None:
        found: Failures | None = None
        for name, item in value.items():
            entry = known(name)
            if entry is None:
                continue
            plain, usual, usual_check, check_any = entry
            kind = type(item)
            if kind is not plain and (failed := usual_check(item) if kind is usual else check_any(item)):
                found = failures.joined(found, f".{name}", failed)
                if len(found) >= failures.MAX_FAILURES:
                    break
        return found

    return check


def _additional(properties: dict[str, Compiled], additional: Compiled) -> Check:
    known = properties.get

    def check(value: dict[str, Any]) -> Failures | None:
        found: Failures | None = None
        for name, item in value.items():
            plain, usual, usual_check, check_any = known(name, additional)
            kind = type(item)
            if kind is not plain and (failed := usual_check(item) if kind is usual else check_any(item)):
                found = failures.joined(found, f".{name}", failed)
                if len(found) >= failures.MAX_FAILURES:
                    break
        return found

    return check


def _closed(properties: dict[str, Compiled]) -> Check:
    known = _properties(properties)

    def check(value: dict[str, Any]) -> Failures | None:
        found = known(value) or []
        for name in value:
            if name not in properties:
                rule = f".{name[: trail.MAX_NAME_CHARS]} in body is a forbidden property"
                found.append(Failure("FieldValueInvalid", 'Invalid value: "": ', rule))
                if len(found) >= failures.MAX_FAILURES:
                    break
        return found or None

    return check


def _embedded_resource(value: dict[str, Any]) -> Failures | None:
    found: Failures = []
    for name in ("apiVersion", "kind"):
        text = value.get(name)
        if text is None or text == "":
            message = "Required value: must not be empty"
            found.append(Failure("FieldValueRequired", message, path=f".{name}"))
        elif not isinstance(text, str):
            found += failures.below(f".{name}", failures.type_invalid(json_type(text), "string"))
    if not isinstance(value.get("metadata", {}), dict):
        found += failures.below(".metadata", failures.type_invalid(json_type(value["metadata"]), "object"))
    return found or None


def _too_many(most: int) -> Check:
    def check(value: dict[str, Any] | list[Any]) -> Failures | None:
        if len(value) <= most:
            return None
        message = f"Too many: {len(value)}: must have at most {most} items"
        return [Failure("FieldValueTooMany", message)]

    return check


def _too_few(least: int, noun: str) -> Check:
    rule = f"should have at least {least} {noun}"
    return lambda value: None if len(value) >= least else failures.invalid(value, rule)


def _unique_items(value: list[Any]) -> Failures | None:
    if len({scalars.identity(item) for item in value}) == len(value):
        return None
    return failures.invalid(value, "shouldn't contain duplicates")


def _items(child: Compiled) -> Check:
    plain, usual, usual_check, check_any = child

    def check(value: list[Any]) -> Failures | None:
        found: Failures | None = None
        for index, item in enumerate(value):
            kind = type(item)
            if kind is not plain and (failed := usual_check(item) if kind is usual else check_any(item)):
                found = failures.joined(found, f"[{index}]", failed)
                if len(found) >= failures.MAX_FAILURES:
                    break
        return found

    return check


def _set_items(value: list[Any]) -> Failures | None:
    return _duplicates([(scalars.identity(item), item) for item in value])


def _map_items(keys: tuple[str, ...]) -> Check:
    def check(value: list[Any]) -> Failures | None:
        parts: list[tuple[Any, Any]] = []
        for index, item in enumerate(value):
            if isinstance(item, dict):
                own = {key: item[key] for key in keys if key in item}
                parts.append((tuple(scalars.identity(item.get(key)) for key in keys), own))
            else:
                parts.append((index, item))  # its type is refused elsewhere
        return _duplicates(parts)

    return check


def _duplicates(parts: list[tuple[Any, Any]]) -> Failures | None:
    seen: set[Any] = set()
    found: Failures = []
    for index, (key, shown) in enumerate(parts):
        if key in seen:
            message = f"Duplicate value: {field.shown(shown)}"
            found.append(Failure("FieldValueDuplicate", message, path=f"[{index}]"))
            if len(found) >= failures.MAX_FAILURES:
                break
        seen.add(key)
    return found or None


def json_type(value: Any) -> str:
    """The OpenAPI name of a JSON value's type."""
    return _JSON_TYPES.get(type(value), "object")


_JSON_TYPES = {
    dict: "object",
    list: "array",
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    type(None): "null",
}
