"""JSON patch (RFC 6902) and JSON merge patch (RFC 7386), as kube-apiserver applies them.

Inputs are never changed. A patch that is no patch is 400; one that does not fit the object is 422.
"""

from __future__ import annotations

from typing import Any, NoReturn

import orjson

from kcpcache.apimachinery import equality, errors, nesting
from kcpcache.apimachinery.errors import Cause
from kcpcache.apimachinery.objects import JSONObject

MAX_OPERATIONS = 10_000
MAX_COPIED_BYTES = 3 * 1024 * 1024

_REJECTED = "the server rejected our request due to an error in our request"


def copied(value: Any) -> Any:
    """A deep copy of a JSON value."""
    if type(value) is dict:
        return {name: copied(item) if type(item) in (dict, list) else item for name, item in value.items()}
    if type(value) is list:
        return [copied(item) if type(item) in (dict, list) else item for item in value]
    return value


def rejected(detail: str) -> errors.Invalid:
    """The 422 of a patch that does not fit the object; `detail` becomes its cause."""
    return errors.Invalid(_REJECTED, causes=[Cause("", "UnexpectedServerResponse", detail)])


def merge_patch(obj: JSONObject, patch: Any) -> JSONObject:
    """`obj` with a JSON merge patch applied: null deletes, objects merge, all else replaces.

    Raises:
        BadRequest: the patch is not an object.
    """
    if not isinstance(patch, dict):
        raise errors.BadRequest("Invalid JSON Patch: a merge patch must be an object")
    merged: JSONObject = _merged(obj, patch)
    return merged


def _merged(target: Any, patch: JSONObject) -> Any:
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        elif isinstance(value, dict):
            merged[name] = _merged(merged.get(name), value)
        else:
            merged[name] = copied(value)
    return merged


def json_patch(obj: JSONObject, operations: Any) -> JSONObject:
    """`obj` with the operations of a JSON patch applied in order, all or none.

    Raises:
        BadRequest: the patch is not a list of objects.
        RequestEntityTooLarge: more than `MAX_OPERATIONS`.
        Invalid: an operation that cannot be applied, a failed test, copies that add up to more than
            `MAX_COPIED_BYTES`, or a result nested deeper than a body may be.
    """
    if not isinstance(operations, list) or not all(isinstance(operation, dict) for operation in operations):
        raise errors.BadRequest("error decoding patch: a JSON patch must be an array of operations")
    if len(operations) > MAX_OPERATIONS:
        raise errors.RequestEntityTooLarge(
            f"The allowed maximum operations in a JSON patch is {MAX_OPERATIONS}, got {len(operations)}"
        )
    document = _Document(copied(obj))
    for operation in operations:
        document.apply(operation)
    if not isinstance(document.root, dict):
        raise rejected("the patched document is not an object")
    if nesting.is_too_deep(document.root):
        raise rejected(f"the patched document is nested deeper than {nesting.MAX_LEVELS} levels")
    return document.root


class _Document:
    def __init__(self, root: Any) -> None:
        self.root = root
        self.copied_bytes = 0

    def apply(self, operation: JSONObject) -> None:
        match operation.get("op"):
            case "add":
                self._add(_pointer(operation, "path"), copied(_value(operation)))
            case "remove":
                self._remove(_pointer(operation, "path"))
            case "replace":
                self._replace(_pointer(operation, "path"), copied(_value(operation)))
            case "move":
                self._move(_pointer(operation, "from"), _pointer(operation, "path"))
            case "copy":
                self._add(_pointer(operation, "path"), self._copy(_pointer(operation, "from")))
            case "test":
                self._test(operation)
            case unknown:
                raise rejected(f"Unexpected kind: {unknown}")

    def _get(self, path: list[str]) -> Any:
        value = self.root
        for token in path:
            if isinstance(value, dict) and token in value:
                value = value[token]
            elif isinstance(value, list):
                value = value[_index(token, len(value), path)]
            else:
                _missing(path)
        return value

    def _add(self, path: list[str], value: Any) -> None:
        if not path:
            self.root = value
            return
        container, last = self._get(path[:-1]), path[-1]
        if isinstance(container, dict):
            container[last] = value
        elif isinstance(container, list):
            position = len(container) if last == "-" else _index(last, len(container) + 1, path)
            container.insert(position, value)
        else:
            _missing(path)

    def _remove(self, path: list[str]) -> Any:
        if not path:
            raise rejected("Unable to remove the whole document")
        container, last = self._get(path[:-1]), path[-1]
        if isinstance(container, dict) and last in container:
            return container.pop(last)
        if isinstance(container, list):
            return container.pop(_index(last, len(container), path))
        return _missing(path)

    def _replace(self, path: list[str], value: Any) -> None:
        if not path:
            self.root = value
            return
        container, last = self._get(path[:-1]), path[-1]
        if isinstance(container, dict) and last in container:
            container[last] = value
        elif isinstance(container, list):
            container[_index(last, len(container), path)] = value
        else:
            _missing(path)

    def _move(self, source: list[str], target: list[str]) -> None:
        if target[: len(source)] == source:
            if target != source:
                raise rejected(f"Unable to move {_shown(source)} into itself")
            self._get(source)
            return
        self._add(target, self._remove(source))

    def _copy(self, source: list[str]) -> Any:
        value = self._get(source)
        try:
            self.copied_bytes += len(orjson.dumps(value))
        except orjson.JSONEncodeError as error:
            raise rejected(f"Unable to copy {_shown(source)}: {error}") from error
        if self.copied_bytes > MAX_COPIED_BYTES:
            raise rejected(
                "Unable to complete the copy, the accumulated size increase of copy is "
                f"{self.copied_bytes}, exceeding the limit {MAX_COPIED_BYTES}"
            )
        return copied(value)

    def _test(self, operation: JSONObject) -> None:
        path = _pointer(operation, "path")
        wanted = operation.get("value")
        try:
            value = self._get(path)
        except errors.Invalid:
            if wanted is None:  # as in Kubernetes, what is missing passes a test for null
                return
            raise
        if not equality.is_equal(value, wanted):
            raise rejected(f"testing value {_shown(path)} failed: test failed")


def _pointer(operation: JSONObject, field: str) -> list[str]:
    pointer = operation.get(field)
    if not isinstance(pointer, str):
        raise rejected(f"{operation.get('op')} operation does not apply: no {field!r}")
    if not pointer:
        return []
    if not pointer.startswith("/"):
        raise rejected(f"{operation.get('op')} operation does not apply: {field!r} must start with '/'")
    return [token.replace("~1", "/").replace("~0", "~") for token in pointer[1:].split("/")]


def _value(operation: JSONObject) -> Any:
    if "value" not in operation:
        raise rejected(f"{operation['op']} operation does not apply: no 'value'")
    return operation["value"]


def _index(token: str, length: int, path: list[str]) -> int:
    """The position in a list; like Kubernetes, and unlike RFC 6902, negative ones count from the end."""
    digits = token.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()) or (len(digits) > 1 and digits[0] == "0"):
        raise rejected(f"invalid array index {token!r} in {_shown(path)}")
    if len(digits) > 9 or not -length <= (position := int(token)) < length:
        raise rejected(f"Unable to access invalid index: {token}: {_shown(path)}")
    return position + length if position < 0 else position


def _shown(path: list[str]) -> str:
    return "".join(f"/{token.replace('~', '~0').replace('/', '~1')}" for token in path)


def _missing(path: list[str]) -> NoReturn:
    raise rejected(f"doc is missing path: {_shown(path)}: missing value")
