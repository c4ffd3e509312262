"""`apply -f` answers what the API answers: the same documents are stored, as the same objects, or refused alike."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from kcpcache.apimachinery.objects import JSONObject
from kcpcache.apiserver import authentication
from tests.unit.controllers import conftest as controllers
from tests.unit.controllers.conftest import root, workspace
from tests.unit.workspaces.answers import DOCUMENTS, THING_SCHEMA
from workspaces import bootstrap, bulk, manifests, models, tokens
from workspaces.registry import client

__all__ = ["root", "workspace"]

pytestmark = controllers.on_database

CRDS = ("apiextensions.k8s.io", "customresourcedefinitions")
PLURALS = {
    "ConfigMap": "configmaps",
    "Secret": "secrets",
    "Thing": "things",
    "Placed": "placeds",
    "Ending": "endings",
}
NAMESPACED = ("ConfigMap", "Secret", "Placed")


class API:
    """Creates documents in one workspace as a client does."""

    def __init__(self, path: str) -> None:
        authentication.forget()
        self._path = path
        self._client = Client(raise_request_exception=False)
        self._headers = {"authorization": f"Bearer {tokens.create('admin', [bootstrap.ADMIN_GROUP], None)}"}

    def create(self, document: str) -> tuple[JSONObject | None, str]:
        """The stored object, or None and the message of the refusal."""
        url = f"/clusters/{self._path}{collection(document)}?fieldValidation=Strict"
        response = self._client.generic(
            "POST", url, document, content_type="application/yaml", headers=self._headers, secure=True
        )
        answer: JSONObject = json.loads(response.content)
        return (answer, "") if response.status_code == 201 else (None, str(answer["message"]))


def collection(document: str) -> str:
    """The URL that a document would be sent to."""
    api_version, kind = re.findall(r"apiVersion: (\S+), kind: (\w+)", document)[0]
    base = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
    namespace = re.search(r"namespace: '?([^,'}]+)", document)
    if kind not in NAMESPACED:
        return f"{base}/{PLURALS[kind]}"
    return f"{base}/namespaces/{namespace.group(1) if namespace else 'default'}/{PLURALS[kind]}"


def apply(cluster: str, path: str, document: str) -> tuple[JSONObject | None, str]:
    """The same through the code of the bulk command."""
    found = list(manifests.split("file", document.encode()))
    summary = bulk.Applier(path).apply(found)
    if summary.failures:
        (failure,) = summary.failures
        return None, failure.message
    assert summary.created == 1
    ((obj,), _) = manifests.parse(found[0])
    kind, metadata = obj["kind"], obj["metadata"]
    namespace = (metadata.get("namespace") or "default") if kind in NAMESPACED else ""
    group = obj["apiVersion"].rpartition("/")[0]
    return client.get(cluster, group, PLURALS[kind], metadata["name"], namespace), ""


def crd(plural: str, kind: str, schema: JSONObject, scope: str = "Cluster") -> JSONObject:
    """A CRD with a status subresource."""
    made = controllers.crd(plural, kind, group="example.com", scope=scope)
    (version,) = made["spec"]["versions"]
    version |= {"schema": {"openAPIV3Schema": schema}, "subresources": {"status": {}}}
    return made


@pytest.fixture
def clusters(workspace: Callable[..., str]) -> dict[str, str]:
    """Two workspaces with the same kinds, by path; `Ending` is being deleted, and held by an object."""
    made = {f"root:{name}": workspace(name) for name in ("api", "bulk")}
    held = {"metadata": {"name": "held", "finalizers": ["example.com/held"]}}
    for cluster in made.values():
        for plural, kind, schema, scope in (
            ("things", "Thing", THING_SCHEMA, "Cluster"),
            ("placeds", "Placed", {"type": "object"}, "Namespaced"),
            ("endings", "Ending", {"type": "object"}, "Cluster"),
        ):
            client.create(cluster, *CRDS, crd(plural, kind, schema, scope))
        controllers.settle()
        client.create(cluster, "example.com", "endings", held)
        client.delete(cluster, *CRDS, "endings.example.com")
        controllers.settle()
    return made


def is_alike(refusal: str, failure: str) -> bool:
    """Whether both say the same; the command does not say again which kind could not be decoded."""
    return refusal == failure or (bool(failure) and refusal.endswith(f": {failure}"))


def comparable(obj: JSONObject | None) -> Any:
    """An object without what differs from one creation to the next."""
    if obj is None:
        return None
    metadata = {
        name: value
        for name, value in obj["metadata"].items()
        if name not in ("uid", "resourceVersion", "creationTimestamp", "managedFields")
    }
    metadata["annotations"] = {
        name: value for name, value in (metadata.get("annotations") or {}).items() if name != "kcp.io/cluster"
    }
    return json.dumps({**obj, "metadata": metadata}, sort_keys=True)


def test_a_hundred_documents_are_answered_as_the_api_answers_them(clusters: dict[str, str]) -> None:
    api = API("root:api")
    outcomes: Counter[bool] = Counter()
    differences = []
    for document in DOCUMENTS:
        stored, refusal = api.create(document)
        applied, failure = apply(clusters["root:bulk"], "root:bulk", document)
        outcomes[stored is None] += 1
        if comparable(stored) != comparable(applied) or not is_alike(refusal, failure):
            differences.append(
                f"{document}\n  API:  {refusal or comparable(stored)}\n  bulk: {failure or comparable(applied)}"
            )
        models.Object.objects.filter(cluster__in=clusters.values(), resource__in=PLURALS.values()).exclude(
            name__in=["held", "kube-root-ca.crt"]
        ).delete()
    assert not differences, "\n".join(differences)
    assert min(outcomes.values()) > 30 and sum(outcomes.values()) > 100, outcomes


def test_a_null_that_is_stored_is_left_alone_and_any_other_removes(clusters: dict[str, str]) -> None:
    document = (
        "{apiVersion: example.com/v1, kind: Thing, metadata: {name: thing}, spec: {cores: 1, note: %s}}"
    )

    def applied(note: str) -> tuple[int, Any]:
        found = manifests.split("file", (document % note).encode())
        summary = bulk.Applier("root:bulk").apply(found)
        assert not summary.failures
        stored = client.get(clusters["root:bulk"], "example.com", "things", "thing")
        assert stored is not None
        return summary.unchanged, stored["spec"].get("note", "absent")

    assert applied("null") == (0, None)
    assert applied("null") == (1, None)
    assert applied("words") == (0, "words")
    assert applied("null") == (0, "absent")
    assert applied("null") == (1, "absent")


@pytest.mark.parametrize(
    ("validation", "stored", "warned"), [("Strict", 0, 0), ("Warn", 1, 1), ("Ignore", 1, 0)]
)
def test_fields_that_are_set_twice_are_treated_as_unknown_ones(
    clusters: dict[str, str], validation: str, stored: int, warned: int
) -> None:
    warnings: list[str] = []
    text = b"{apiVersion: v1, kind: ConfigMap, metadata: {name: twice}, data: {a: b, a: c}}"
    applier = bulk.Applier("root:bulk", field_validation=validation, warn=warnings.append)
    summary = applier.apply(manifests.split("file", text))
    assert (summary.created, len(summary.failures)) == (stored, 1 - stored)
    assert len(warnings) == warned
    assert all('duplicate field "data.a"' in message for message in warnings)
