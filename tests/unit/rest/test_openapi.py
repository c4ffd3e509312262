"""``/api/`` through its own OpenAPI document: every path and parameter, and every answer as the document says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema
import openapi_spec_validator
import pytest

from tests.unit.rest.conftest import Caller

_BY_NAME = {"workspace": "root", "parent": "root", "label": "tier=gold"}
_WRONG = {"number": "many", "boolean": "maybe", "integer": "-1"}


@pytest.fixture
def document(admin: Caller) -> Any:
    response = admin.get("/api/schema", format="json")
    assert response.status_code == 200
    return response.json()


@pytest.fixture
def arguments(admin: Caller) -> dict[str, str]:
    """A value for each parameter in a path."""
    (found,) = admin.results("/api/cachedresources", name="cpuflavors-v1")
    return {
        "uid": found["uid"],
        "workspace": "root:cloud0",
        "id": str(admin.results("/api/objects", name="cpu-small")[0]["id"]),
        "revision": str(admin.results("/api/changes", name="cpu-small")[0]["revision"]),
        "name": "cpu-small",
    }


def operations(document: Any) -> Iterator[tuple[str, str, Any]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def address(path: str, arguments: dict[str, str]) -> str:
    for name, value in arguments.items():
        path = path.replace(f"{{{name}}}", value)
    assert "{" not in path
    return path


def good(parameter: Any) -> str:
    schema = parameter["schema"]
    if parameter["name"] in _BY_NAME:
        return _BY_NAME[parameter["name"]]
    if "enum" in schema:
        return str(schema["enum"][0])
    if schema.get("format") == "date-time":
        return "2026-01-01T00:00:00Z"
    return {"number": "1", "integer": "1", "boolean": "true", "string": "x"}[schema["type"]]


def bad(parameter: Any) -> str:
    schema = parameter["schema"]
    if parameter["name"] == "label":
        return "a in ("
    if "enum" in schema or schema.get("format") == "date-time":
        return "wrong"
    return _WRONG.get(schema["type"], "a\0b")


def check(document: Any, operation: Any, response: Any) -> None:
    """The answer's status is documented, and its body is what the document says of it."""
    stated = operation["responses"].get(str(response.status_code))
    assert stated is not None, f"{response.status_code} is not documented: {response.content!r}"
    schema = stated["content"]["application/json"]["schema"]
    validator = jsonschema.Draft202012Validator(
        {**schema, "components": document["components"]},
        format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER,
    )
    validator.validate(response.json())


def test_document_is_valid_and_complete(document: Any) -> None:
    openapi_spec_validator.validate(document)
    assert document["openapi"].startswith("3.1")
    identifiers = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(identifiers) == len(set(identifiers))
    for path in (
        "workspaces",
        "objects",
        "cachedresources",
        "replicas",
        "bindings",
        "changes",
        "workers",
        "checks",
    ):
        assert f"/api/{path}" in document["paths"]
    examples = [
        example
        for _, _, operation in operations(document)
        for content in operation["responses"].get("200", {}).get("content", {}).values()
        for example in content.get("examples", {})
    ]
    assert examples


def test_every_operation_answers_as_documented(
    document: Any, admin: Caller, arguments: dict[str, str]
) -> None:
    for path, method, operation in operations(document):
        url = address(path, arguments)
        response = admin.get(url) if method == "get" else admin.post(url)
        assert response.status_code in (200, 202), (url, response.content)
        check(document, operation, response)


def test_every_parameter_is_understood(document: Any, admin: Caller, arguments: dict[str, str]) -> None:
    for path, _, operation in operations(document):
        for parameter in operation.get("parameters", []):
            if parameter["in"] == "query":
                response = admin.get(address(path, arguments), **{parameter["name"]: good(parameter)})
                assert response.status_code == 200, (path, parameter["name"], response.content)
                check(document, operation, response)


def test_every_parameter_refuses_what_it_is_not(
    document: Any, admin: Caller, arguments: dict[str, str]
) -> None:
    for path, _, operation in operations(document):
        for parameter in operation.get("parameters", []):
            if parameter["in"] == "query":
                response = admin.get(address(path, arguments), **{parameter["name"]: bad(parameter)})
                assert response.status_code == 400, (path, parameter["name"], response.content)
                check(document, operation, response)


def test_failures_are_as_documented(
    document: Any, anonymous: Caller, stranger: Caller, admin: Caller
) -> None:
    nowhere = {"uid": "absent", "workspace": "root:absent", "id": "0", "revision": "0", "name": "absent"}
    for path, method, operation in operations(document):
        url = address(path, nowhere)
        for caller in (anonymous, stranger, *((admin,) if "{" in path else ())):
            response = caller.get(url) if method == "get" else caller.post(url)
            assert response.status_code in (401, 403, 404)
            check(document, operation, response)
