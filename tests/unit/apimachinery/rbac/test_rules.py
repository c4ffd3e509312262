"""Whether some rules allow all that others do: what keeps a user from granting more than it has."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import given, settings

from kcpcache.apimachinery.rbac import rules
from kcpcache.apimachinery.rbac.rules import Attributes, Rule
from tests.unit.apimachinery.rbac import test_table


def rule(verbs: str, resources: str = "", *, groups: str = "core", names: str = "", paths: str = "") -> Rule:
    """A rule, its lists spelled with commas; the group ``core`` is the empty one."""

    def words(text: str) -> list[str]:
        return ["" if word == "core" else word for word in text.split(",") if word]

    return Rule.of({
        "verbs": words(verbs), "resources": words(resources), "apiGroups": words(groups) if resources else [],
        "resourceNames": words(names), "nonResourceURLs": words(paths),
    })  # fmt: skip


def test_rules_of_one_owner_cover_together_what_none_covers_alone() -> None:
    owned = [rule("get", "pods"), rule("list", "pods"), rule("get,list", "nodes")]
    assert rules.uncovered(owned, [rule("get,list", "pods,nodes")]) == []


def test_what_is_missing_is_said_as_small_as_it_can_be() -> None:
    missing = rules.uncovered([rule("get", "pods")], [rule("get,delete", "pods,nodes")])
    assert missing == [rule("delete", "nodes"), rule("get", "nodes"), rule("delete", "pods")]
    assert missing[0].to_object() == {"verbs": ["delete"], "apiGroups": [""], "resources": ["nodes"]}


def test_a_star_is_covered_by_a_star_only() -> None:
    assert rules.uncovered([rule("get,list,watch", "pods")], [rule("*", "pods")])
    assert rules.uncovered([rule("*", "pods,nodes")], [rule("*", "*")])
    assert rules.uncovered([rule("*", "*", groups="core,apps")], [rule("*", "*", groups="*")])
    assert not rules.uncovered([rule("*", "*", groups="*")], [rule("*", "*", groups="*")])


def test_subresources_are_their_own_unless_a_star_stands_before_them() -> None:
    assert rules.uncovered([rule("get", "pods")], [rule("get", "pods/log")])
    assert rules.uncovered([rule("get", "pods/log")], [rule("get", "pods")])
    assert not rules.uncovered([rule("get", "*/log")], [rule("get", "pods/log")])
    assert rules.uncovered([rule("get", "pods/log")], [rule("get", "*/log")])
    assert not rules.uncovered([rule("get", "*")], [rule("get", "*/log,pods/log")])


def test_a_rule_for_names_does_not_cover_one_for_all_names() -> None:
    assert rules.uncovered([rule("get", "pods", names="a,b")], [rule("get", "pods")])
    assert not rules.uncovered([rule("get", "pods")], [rule("get", "pods", names="a")])
    assert not rules.uncovered(
        [rule("get", "pods", names="a"), rule("get", "pods", names="b")], [rule("get", "pods", names="a,b")]
    )
    assert rules.uncovered([rule("get", "pods", names="a")], [rule("get", "pods", names="a,b")]) == [
        rule("get", "pods", names="b")
    ]


def test_paths_are_covered_by_what_they_begin_with() -> None:
    assert not rules.uncovered([rule("get", paths="/api/*")], [rule("get", paths="/api/v1,/api/*")])
    assert rules.uncovered([rule("get", paths="/api/v1")], [rule("get", paths="/api/*")])
    assert rules.uncovered([rule("get", paths="/api")], [rule("get", paths="/api/v1")])
    assert not rules.uncovered([rule("get", paths="*")], [rule("get", paths="/anything")])


def test_who_covers_a_rule_may_do_all_that_it_allows() -> None:
    seen: Counter[bool] = Counter()

    @settings(max_examples=1500, deadline=None)
    @given(test_table.rules, test_table.rules, test_table.requests)
    def check(owned: list[dict[str, Any]], wanted: list[dict[str, Any]], asked: Attributes) -> None:
        mine, theirs = [Rule.of(each) for each in owned], [Rule.of(each) for each in wanted]
        if rules.uncovered(mine, theirs):
            return
        granted = any(each.allows(asked) for each in theirs)
        seen[granted] += 1
        if granted:
            assert any(each.allows(asked) for each in mine)

    check()
    assert seen[True] > 10, f"too few to prove anything: {seen}"
