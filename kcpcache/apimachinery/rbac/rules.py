"""Policy rules: what one allows, and whether some together allow all that others do.

Source: Kubernetes, "Using RBAC Authorization", and `rbac.authorization.k8s.io/v1` PolicyRule.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

ALL = "*"


@dataclass(frozen=True, slots=True)
class Attributes:
    """What a request does, as an authorizer is asked about it.

    `resource` may be empty: then `path` is what is asked for, and `verb` is an HTTP method in lower case. A verb that
    is empty is one that Kubernetes does not know; nothing allows it.
    """

    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """One PolicyRule: verbs, and either resources of API groups (of some names) or URL paths."""

    verbs: frozenset[str]
    groups: frozenset[str] = frozenset()
    resources: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    paths: frozenset[str] = frozenset()

    @classmethod
    def of(cls, rule: Mapping[str, Any]) -> Self:
        """The rule of a validated object's `rules[]`."""
        return cls(
            verbs=frozenset(rule.get("verbs") or ()),
            groups=frozenset(rule.get("apiGroups") or ()),
            resources=frozenset(rule.get("resources") or ()),
            names=frozenset(rule.get("resourceNames") or ()),
            paths=frozenset(rule.get("nonResourceURLs") or ()),
        )

    def to_object(self) -> dict[str, list[str]]:
        """The rule as it stands in an object and in messages; what is empty is left out."""
        fields = {
            "verbs": self.verbs,
            "apiGroups": self.groups,
            "resources": self.resources,
            "resourceNames": self.names,
            "nonResourceURLs": self.paths,
        }
        return {name: sorted(values) for name, values in fields.items() if values}

    def allows(self, asked: Attributes) -> bool:
        """Whether this rule allows a request."""
        if not asked.verb or not _has(self.verbs, asked.verb):
            return False
        if not asked.resource:
            return any(_reaches(path, asked.path) for path in self.paths)
        return (
            _has(self.groups, asked.group)
            and self._has_resource(asked.resource, asked.subresource)
            and (not self.names or asked.name in self.names)
        )

    def _has_resource(self, resource: str, subresource: str) -> bool:
        if ALL in self.resources:
            return True
        if not subresource:
            return resource in self.resources
        return f"{resource}/{subresource}" in self.resources or f"*/{subresource}" in self.resources

    def covers(self, other: Rule) -> bool:
        """Whether everything that `other` allows is allowed by this rule."""
        return (
            _has_all(self.verbs, other.verbs)
            and _has_all(self.groups, other.groups)
            and all(self._has_resource(*_split(resource)) for resource in other.resources)
            and all(any(_reaches(path, wanted) for path in self.paths) for wanted in other.paths)
            and (not self.names or (bool(other.names) and other.names <= self.names))
        )


def uncovered(owned: Iterable[Rule], wanted: Iterable[Rule]) -> list[Rule]:
    """The parts of `wanted` that no single rule of `owned` covers, each as small as it can be said; none if all are."""
    owned = tuple(owned)
    missing = [
        part for rule in wanted for part in _parts(rule) if not any(mine.covers(part) for mine in owned)
    ]
    return list(dict.fromkeys(missing))


def _parts(rule: Rule) -> Iterator[Rule]:
    """A rule as rules of one verb and one resource (of one name) or one path."""
    for verb, path in itertools.product(sorted(rule.verbs), sorted(rule.paths)):
        yield Rule(frozenset([verb]), paths=frozenset([path]))
    for group, resource, verb in itertools.product(
        sorted(rule.groups), sorted(rule.resources), sorted(rule.verbs)
    ):
        part = Rule(frozenset([verb]), frozenset([group]), frozenset([resource]))
        if rule.names:
            yield from (replace(part, names=frozenset([name])) for name in sorted(rule.names))
        else:
            yield part


def _split(resource: str) -> tuple[str, str]:
    name, _, subresource = resource.partition("/")
    return name, subresource


def _has(allowed: frozenset[str], value: str) -> bool:
    return ALL in allowed or value in allowed


def _has_all(allowed: frozenset[str], values: frozenset[str]) -> bool:
    return ALL in allowed or values <= allowed


def _reaches(allowed: str, path: str) -> bool:
    """Whether a nonResourceURL, which may end with a star, means a path (or another nonResourceURL)."""
    return allowed in (ALL, path) or (allowed.endswith("*") and path.startswith(allowed.rstrip("*")))
