"""What is wrong besides CachedResources: consumers that are not served, and controllers that fail again and again.

Each kind of trouble is told once, with how many it concerns and the first few of them, however many there are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from replication.insight import problems
from replication.insight.consumers import Consumer
from replication.insight.facts import Facts
from workspaces.store import overview

_NAMED = 5  # subjects of one trouble
_PERSISTENT = 3  # attempts; fewer are a write that came in between, which the next attempt makes good
_LONGEST = 300  # characters of an error


@dataclass(frozen=True, slots=True)
class Subject:
    """What a trouble is about: an APIBinding, or what a controller was to reconcile."""

    cluster: str
    workspace: str
    name: str


@dataclass(frozen=True, slots=True)
class Trouble:
    """One kind of trouble. `about` is ``binding`` or a controller's name; `subjects` are the first of `count`."""

    about: str
    reason: str
    message: str
    what_to_do: str
    count: int
    subjects: list[Subject]


def of_consumers(found: Iterable[Consumer]) -> list[Trouble]:
    """One for each reason for which bindings are not ready, the most frequent first."""
    by_reason: dict[str, list[Consumer]] = defaultdict(list)
    for consumer in found:
        if not consumer.is_ready and not consumer.is_settling:
            by_reason[consumer.reason].append(consumer)
    made = [_of_reason(reason, same) for reason, same in by_reason.items()]
    return sorted(made, key=lambda trouble: (-trouble.count, trouble.reason))


def _of_reason(reason: str, same: list[Consumer]) -> Trouble:
    first = _sentence(same[0].problem.removeprefix(f"{reason}: "))
    lead = (
        "1 APIBinding is not ready" if len(same) == 1 else f"{len(same)} APIBindings are not ready, the first"
    )
    problem = problems.of_binding(reason, f"{lead}: {first}")
    subjects = [Subject(each.cluster, each.workspace, each.binding) for each in same[:_NAMED]]
    return Trouble("binding", reason, problem.message, problem.what_to_do, len(same), subjects)


def of_failures(found: Facts) -> list[Trouble]:
    """One for each controller, but that of CachedResources, whose passes fail again and again."""
    by_controller: dict[str, list[overview.Failure]] = defaultdict(list)
    for failure in found.other_failures:
        if failure.attempts >= _PERSISTENT:
            by_controller[failure.controller].append(failure)
    clusters = {failure.cluster for same in by_controller.values() for failure in same}
    paths = overview.paths(clusters) if clusters else {}
    return [_of_controller(controller, same, paths) for controller, same in sorted(by_controller.items())]


def _of_controller(controller: str, same: list[overview.Failure], paths: Mapping[str, str]) -> Trouble:
    worst = max(same, key=lambda failure: failure.attempts)
    lead = f"The controller {controller} failed {worst.attempts} times at {worst.name}"
    more = f" (and at {len(same) - 1} more)" if len(same) > 1 else ""
    problem = problems.of("ReconcileFailed", f"{lead}{more}: {_sentence(worst.error)}")
    named = [worst, *(failure for failure in same if failure is not worst)][:_NAMED]
    subjects = [Subject(each.cluster, paths.get(each.cluster, each.cluster), each.name) for each in named]
    return Trouble(controller, problem.reason, problem.message, problem.what_to_do, len(same), subjects)


def _sentence(text: str) -> str:
    """One line of a readable length that ends."""
    line = " ".join(text.split())
    if len(line) > _LONGEST:
        return f"{line[:_LONGEST]}…"
    return line if line.endswith((".", "!", "?")) else f"{line}."
