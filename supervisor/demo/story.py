"""The story: a provider publishes flavours, consumers read them, nobody else changes them."""

from __future__ import annotations

import json
import string
from collections.abc import Callable
from pathlib import Path
from typing import Any

from supervisor.demo.kubectl import Answer, Kubectl, StoryFailed

MANIFESTS = Path(__file__).parent / "manifests"
# Contexts of the story's kubeconfig, and the workspaces they stand for.
WORKSPACES = {
    "root": "root",
    "cloud": "root:demo-cloud",
    "alice": "root:demo-alice",
    "bob": "root:demo-bob",
}
CONSUMERS = ("alice", "bob")
TIMEOUT = "--timeout=30s"


class Story:
    """The chapters, to be told in order; each raises StoryFailed when something does not behave."""

    def __init__(self, kubectl: Kubectl, say: Callable[[str], None]) -> None:
        self._kubectl = kubectl
        self._say = say

    def tell(self) -> None:
        """Everything from an empty place to the running service."""
        for chapter in (
            self.clean,
            self.workspaces,
            self.flavours,
            self.cached_resources,
            self.export,
            self.bindings,
            self.reading,
            self.refusals,
            self.instances,
            self.changes,
            self.provider_view,
        ):
            chapter()

    def clean(self) -> None:
        """Remove what an earlier run left."""
        self._heading("Remove the workspaces of an earlier run, with all that is in them")
        names = [path.partition(":")[2] for name, path in WORKSPACES.items() if name != "root"]
        self._ok("root", "delete", "workspaces", *names, "--ignore-not-found", "--timeout=60s")

    def workspaces(self) -> None:
        """One workspace for the provider, one for each consumer."""
        self._heading("A workspace for the provider (cloud) and two for consumers (alice, bob)")
        self._apply("root", "workspaces.yaml")
        for name in ("cloud", *CONSUMERS):
            self._wait("root", "jsonpath={.status.phase}=Ready", f"workspace/demo-{name}")
        self._ok("root", "get", "workspaces")

    def flavours(self) -> None:
        """CRDs and their objects, in one go."""
        self._heading("The provider defines flavours; CRDs are served as soon as they are created")
        self._apply("cloud", "crds.yaml")
        self._apply("cloud", "flavours.yaml")
        self._ok("cloud", "get", "cpuflavors,memflavors", "--show-labels")

    def cached_resources(self) -> None:
        """Replication into the cache."""
        self._heading("One CachedResource for each kind of flavour; of memory only what is labelled Public")
        self._apply("cloud", "cachedresources.yaml")
        for name, count in (("cpuflavors-v1", 3), ("memflavors-v1", 2)):
            resource = f"cachedresource/{name}"
            for condition in ("IdentityValid", "ResourceValid", "ReplicationStarted"):
                self._wait("cloud", f"condition={condition}", resource)
            self._wait("cloud", "jsonpath={.status.phase}=Ready", resource)
            for side in ("local", "cache"):
                self._wait("cloud", f"jsonpath={{.status.resourceCounts.{side}}}={count}", resource)
        self._ok("cloud", "get", "cachedresources")
        self._ok("cloud", "get", "cachedresource", "memflavors-v1", "-o", "yaml")

    def export(self) -> None:
        """The API that consumers will bind."""
        self._heading("The provider exports instances, and the flavours as virtual resources")
        self._apply("cloud", "schemas.yaml")
        identities = {
            f"{plural}_identity": self._field(
                "cloud", f"cachedresource/{plural}-v1", "{.status.identityHash}"
            )
            for plural in ("cpuflavors", "memflavors")
        }
        manifest = string.Template((MANIFESTS / "export.yaml").read_text()).substitute(identities)
        self._ok("cloud", "apply", "-f", "-", stdin=manifest)
        self._say(f"where the file is {_relative('export.yaml')} with the two identity hashes filled in\n")
        self._wait("cloud", "jsonpath={.status.identityHash}", "apiexport/compute.cloud.example.com")

    def bindings(self) -> None:
        """Both consumers bind."""
        self._heading("The consumers bind the export")
        for consumer in CONSUMERS:
            self._apply(consumer, "binding.yaml")
            self._wait(consumer, "jsonpath={.status.phase}=Bound", "apibinding/compute")
            self._wait(consumer, "condition=Ready", "apibinding/compute")

    def reading(self) -> None:
        """What a consumer can do with the flavours."""
        self._heading("Consumers read the flavours as if they were their own")
        listed = self._ok("alice", "get", "cpuflavors")
        self._expect(listed, "cpu-small", "cpu-medium", "cpu-large")
        memory = self._ok("bob", "get", "memflavors", "-o", "wide")
        self._expect(memory, "mem-medium", "mem-large")
        if "mem-xlarge" in memory.output:
            raise StoryFailed("mem-xlarge is not labelled Public and must not be seen by consumers.")
        self._ok("alice", "describe", "cpuflavor", "cpu-small")
        self._ok("alice", "explain", "cpuflavors.spec")
        self._expect(
            self._ok("alice", "api-resources", "--api-group=cloud.example.com", "-o", "wide"),
            "cpuflavors",
            "get,list,watch",
        )

    def refusals(self) -> None:
        """Whatever a consumer tries to write is refused and changes nothing."""
        self._heading("Consumers cannot change them: every attempt is refused and names the provider")
        before = self._flavours("cloud")
        own = str(MANIFESTS / "flavour-of-alice.yaml")
        attempts: list[tuple[str, ...]] = [
            ("create", "-f", own),
            ("replace", "-f", own),
            ("apply", "-f", own),
            ("patch", "cpuflavor", "cpu-small", "--type=merge", "-p", '{"spec":{"cores":512}}'),
            ("edit", "cpuflavor", "cpu-small"),
            ("label", "cpuflavor", "cpu-small", "mine=yes"),
            ("annotate", "cpuflavor", "cpu-small", "mine=yes"),
            ("delete", "cpuflavor", "cpu-small"),
            ("delete", "cpuflavors", "--all"),
        ]
        for attempt in attempts:
            editor = {"KUBE_EDITOR": "sed -i s/cores:.*/cores:\\ 512/"} if attempt[0] == "edit" else None
            answer = self._kubectl.run("alice", *attempt, environment=editor)
            if answer.code == 0:
                raise StoryFailed(f"kubectl {attempt[0]} of a flavour by a consumer was not refused.")
            self._expect(answer, WORKSPACES["cloud"])
        if self._flavours("cloud") != before or self._flavours("alice") == []:
            raise StoryFailed("A refused write changed something.")
        self._say("The flavours are what they were.\n")

    def instances(self) -> None:
        """Objects of the consumers' own, under the same API."""
        self._heading("Consumers create instances of their own, which refer to flavours")
        for consumer in CONSUMERS:
            self._apply(consumer, f"instance-{consumer}.yaml")
            self._ok(consumer, "get", "instances")

    def changes(self) -> None:
        """A change and a deletion, seen by every consumer's watch."""
        self._heading("The provider changes a flavour and deletes another: every consumer's watch sees it")
        with (
            self._kubectl.watching("alice", "cpuflavors") as alice,
            self._kubectl.watching("bob", "cpuflavors") as bob,
        ):
            watches = {"alice": alice, "bob": bob}
            for watch in watches.values():
                watch.wait_for("ADDED", "cpu-large")
            self._ok(
                "cloud", "patch", "cpuflavor", "cpu-medium", "--type=merge", "-p", '{"spec":{"cores":12}}'
            )
            for name, watch in watches.items():
                self._say(f"{name:<5} sees: {watch.wait_for('MODIFIED', 'cpu-medium', '12')}\n")
            self._ok("cloud", "delete", "cpuflavor", "cpu-large")
            for name, watch in watches.items():
                self._say(f"{name:<5} sees: {watch.wait_for('DELETED', 'cpu-large')}\n")
        gone = self._kubectl.run("bob", "get", "cpuflavor", "cpu-large")
        if gone.code == 0:
            raise StoryFailed("A deleted flavour is still there for a consumer.")
        self._expect(gone, "NotFound")
        self._labels()

    def _labels(self) -> None:
        """An object that stops matching the selector leaves the cache."""
        self._heading("A flavour that loses its label is withdrawn")
        with self._kubectl.watching("alice", "memflavors") as watch:
            watch.wait_for("ADDED", "mem-large")
            self._ok("cloud", "label", "memflavor", "mem-large", "cloud.example.com/visibility-")
            self._say(f"alice sees: {watch.wait_for('DELETED', 'mem-large')}\n")
        self._wait("cloud", "jsonpath={.status.resourceCounts.cache}=1", "cachedresource/memflavors-v1")
        self._ok("cloud", "get", "cachedresources")

    def provider_view(self) -> None:
        """All consumers' instances, at one URL."""
        self._heading("The provider sees all instances at one URL, and reports their status")
        slice_name = "apiexportendpointslice/compute.cloud.example.com"
        self._wait("cloud", "jsonpath={.status.endpoints[0].url}", slice_name)
        url = self._field("cloud", slice_name, "{.status.endpoints[0].url}")
        seen = self._ok("cloud", "--server", f"{url}/clusters/*", "get", "instances", "--all-namespaces")
        self._expect(seen, "web", "database")
        cluster = self._field("root", "workspace/demo-alice", "{.spec.cluster}")
        self._ok(
            "cloud",
            "--server",
            f"{url}/clusters/{cluster}",
            *("patch", "instance", "web", "--namespace=default", "--subresource=status", "--type=merge"),
            *("-p", '{"status":{"phase":"Running","address":"10.0.0.7"}}'),
        )
        self._wait("alice", "jsonpath={.status.phase}=Running", "instance/web")
        self._expect(self._ok("alice", "get", "instances"), "Running")

    # What the chapters are made of

    def _heading(self, text: str) -> None:
        self._say(f"\n# {text}\n")

    def _ok(self, context: str, *arguments: str, stdin: str = "") -> Answer:
        answer = self._kubectl.run(context, *arguments, stdin=stdin)
        if answer.code != 0:
            raise StoryFailed(f"kubectl {arguments[0]} failed with exit code {answer.code}.")
        return answer

    def _apply(self, context: str, manifest: str) -> None:
        self._ok(context, "apply", "-f", _relative(manifest))

    def _wait(self, context: str, what: str, target: str) -> None:
        self._ok(context, "wait", f"--for={what}", target, TIMEOUT)

    def _field(self, context: str, target: str, path: str) -> str:
        return self._ok(context, "get", target, "-o", f"jsonpath={path}").output.strip()

    def _expect(self, answer: Answer, *words: str) -> None:
        for word in words:
            if word not in answer.text:
                raise StoryFailed(f"The answer should mention {word!r}.")

    def _flavours(self, context: str) -> list[Any]:
        answer = self._kubectl.run(context, "get", "cpuflavors", "-o", "json", quiet=True)
        found: list[Any] = json.loads(answer.output or "{}").get("items", [])
        return found


def _relative(manifest: str) -> str:
    """The file as a person in the present directory names it."""
    path = MANIFESTS / manifest
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
