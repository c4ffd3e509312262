import base64

import orjson
import pytest

from kcpcache.apimachinery import errors, resourceversion, version, watch


def test_resource_versions_are_read() -> None:
    assert [resourceversion.parse(text) for text in ("", "0", "17", str(2**63 - 1))] == [
        None,
        0,
        17,
        2**63 - 1,
    ]
    assert resourceversion.format(17) == "17"


@pytest.mark.parametrize("text", ["x", "-1", "+1", " 1", "1.0", "1_0", "٣", str(2**63), "9" * 5000])
def test_bad_resource_version_is_refused(text: str) -> None:
    with pytest.raises(errors.BadRequest, match=r"strconv\.ParseUint"):
        resourceversion.parse(text)


def test_continue_token_reads_back_in_its_scope_only() -> None:
    token = resourceversion.encode_continue(12, "default/a\x00", "root:a/pods", b"key")
    assert resourceversion.decode_continue(token, "root:a/pods", b"key") == (12, "default/a\x00")
    for scope, secret in (("root:b/pods", b"key"), ("root:a/pods", b"other"), ("root:a/pods", b"")):
        with pytest.raises(errors.BadRequest, match="continue key is not valid"):
            resourceversion.decode_continue(token, scope, secret)


def test_changed_continue_token_is_refused() -> None:
    token = resourceversion.encode_continue(12, "a", "scope")
    content = orjson.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    for changes in ({"rv": 13}, {"rv": -1}, {"rv": True}, {"start": "b"}, {"v": "v2"}, {"scope": 1}):
        forged = base64.urlsafe_b64encode(orjson.dumps({**content, **changes})).decode()
        with pytest.raises(errors.BadRequest):
            resourceversion.decode_continue(forged, "scope")


@pytest.mark.parametrize("token", ["", "!", "e30", "W10", "bnVsbA", "é", "a" * 7])
def test_nonsense_continue_token_is_refused(token: str) -> None:
    with pytest.raises(errors.BadRequest):
        resourceversion.decode_continue(token)


def test_versions_are_ordered_as_kubernetes_orders_them() -> None:
    wanted = ["v10", "v2", "v1", "v11beta2", "v10beta3", "v3beta1", "v12alpha1", "v11alpha2", "foo1", "foo10"]
    assert version.preferred_first(reversed(wanted)) == wanted
    assert version.compare("v1", "v1beta1") > 0
    assert version.compare("v1alpha1", "v1beta1") < 0
    assert version.compare("v1", "v1") == 0


@pytest.mark.parametrize(
    ("event_type", "was_member", "is_member", "seen"),
    [
        ("ADDED", False, True, "ADDED"),
        ("ADDED", False, False, None),
        ("MODIFIED", True, True, "MODIFIED"),
        ("MODIFIED", False, True, "ADDED"),
        ("MODIFIED", True, False, "DELETED"),
        ("MODIFIED", False, False, None),
        ("DELETED", True, True, "DELETED"),
        ("DELETED", False, True, None),
    ],
)
def test_watchers_see_membership(
    event_type: str, was_member: bool, is_member: bool, seen: str | None
) -> None:
    assert watch.transition(event_type, was_member, is_member) == seen


def test_leaving_object_is_shown_as_it_was() -> None:
    assert watch.carries_previous("MODIFIED", "DELETED")
    assert not watch.carries_previous("DELETED", "DELETED")
    assert not watch.carries_previous("MODIFIED", "MODIFIED")
