import pytest

from kcpcache.apimachinery import names, objectmeta
from kcpcache.apimachinery.errors import Cause

META = {"name": "a", "namespace": "default", "uid": "u", "resourceVersion": "3", "generation": 2}


def validate(**changes: object) -> list[Cause]:
    return objectmeta.validate_object_meta(
        {**META, **changes}, namespaced=True, name_check=names.dns1123_subdomain
    )


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (names.dns1123_label, ["a", "1a", "a-b", "x" * 63], ["", "-a", "a-", "A", "a.b", "x" * 64, "a\n"]),
        (names.dns1123_subdomain, ["a.b", "x" * 253], ["a..b", ".a", "a_b", "x" * 254]),
        (names.dns1035_label, ["a1"], ["1a", "a.b"]),
        (names.path_segment, ["system:x", "A b"], [".", "..", "a/b", "a%b"]),
        (names.qualified_name, ["a", "A.b_c", "x.io/Y"], ["", "/a", "x/", "a/b/c", "X.io/y", "a" * 64, "_a"]),
        (names.label_value, ["", "a_B.c"], ["-", "a b", "x" * 64]),
    ],
)
def test_names_are_checked(check: names.NameCheck, good: list[str], bad: list[str]) -> None:
    assert [value for value in good if check(value)] == []
    assert [value for value in bad if not check(value)] == []


def test_messages_are_kubernetes_own() -> None:
    (message,) = names.dns1123_label("A")
    assert message == (
        "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must "
        "start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for "
        "validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
    )
    assert names.dns1123_label("a.b") == ["must not contain dots"]
    assert names.qualified_name("/a") == ["prefix part must be non-empty"]
    assert names.path_segment("a/b") == ["may not contain '/'"]


def test_generated_names_cut_the_base_and_use_the_safe_alphabet() -> None:
    name = names.generate_name("x" * 80)
    assert len(name) == 63
    assert set(name[58:]) <= set("bcdfghjklmnpqrstvwxz2456789")
    assert names.generate_name("a-") != names.generate_name("a-")


def test_good_metadata_has_no_causes() -> None:
    owner = {"apiVersion": "apps/v1", "kind": "X", "name": "x", "uid": "1", "controller": True}
    assert validate(labels={"a": "b"}, annotations={"A/B": "c" * 1000}, ownerReferences=[owner]) == []
    assert validate(generateName="abc-") == []


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"name": ""}, "metadata.name", "Required value: name or generateName is required"),
        ({"namespace": ""}, "metadata.namespace", "Required value"),
        ({"name": 3}, "metadata.name", "must be a string"),
        ({"labels": {"a": 3}}, "metadata.labels.a", "must be a string"),
        ({"labels": []}, "", ""),
        ({"labels": [1]}, "metadata.labels", "must be an object"),
        ({"labels": {"a": "b c"}}, "metadata.labels", "a valid label must be"),
        (
            {"annotations": {"a": "x" * 262144}},
            "metadata.annotations",
            "Too long: may not be more than 262144",
        ),
        ({"finalizers": ["a b"]}, "metadata.finalizers", "name part must consist"),
        (
            {"finalizers": ["orphan", "foregroundDeletion"]},
            "metadata.finalizers",
            "orphan and foregroundDeletion cannot be both set",
        ),
        (
            {"ownerReferences": [{"apiVersion": "v1", "kind": "X", "name": "x"}]},
            "metadata.ownerReferences.uid",
            "Invalid value: null: must not be empty",
        ),
        ({"generation": -1}, "metadata.generation", "must be greater than or equal to 0"),
    ],
)
def test_bad_metadata_is_refused(changes: dict[str, object], field: str, message: str) -> None:
    causes = validate(**changes)
    if not field:
        assert causes == []
    else:
        assert [cause.field for cause in causes] == [field]
        assert message in causes[0].message


def test_only_one_owner_may_be_the_controller() -> None:
    owners = [
        {"apiVersion": "v1", "kind": "X", "name": name, "uid": name, "controller": True}
        for name in ("x", "y")
    ]
    (cause,) = validate(ownerReferences=owners)
    assert cause.message.endswith('Found "true" in references for x and y')


def test_namespace_is_refused_on_a_cluster_scoped_kind() -> None:
    (cause,) = objectmeta.validate_object_meta(META, namespaced=False, name_check=names.path_segment)
    assert cause.message == "Forbidden: not allowed on this type"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"uid": "other"}, "metadata.uid"),
        ({"name": "b"}, "metadata.name"),
        ({"deletionTimestamp": "2024-01-01T00:00:00Z"}, "metadata.deletionTimestamp"),
        ({"generation": 1}, "metadata.generation"),
        ({"resourceVersion": ""}, "metadata.resourceVersion"),
    ],
)
def test_immutable_metadata_is_kept(changes: dict[str, object], field: str) -> None:
    assert [cause.field for cause in objectmeta.validate_object_meta_update({**META, **changes}, META)] == [
        field
    ]


def test_no_finalizer_is_added_to_an_object_being_deleted() -> None:
    old = {**META, "deletionTimestamp": "2024-01-01T00:00:00Z", "finalizers": ["x/a"]}
    assert objectmeta.validate_object_meta_update({**old, "finalizers": []}, old) == []
    (cause,) = objectmeta.validate_object_meta_update({**old, "finalizers": ["x/a", "x/b"]}, old)
    assert "no new finalizers can be added" in cause.message
