"""What is particular to a kind, as hooks of the one write pipeline (`registry.rest`).

The order is Kubernetes' own: decode, prune, default, `prepare_…`, admission (`admit`), validate, store. A strategy is
stateless; hooks other than `admit` do not read the store.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kcpcache.apimachinery import systemuser
from kcpcache.apimachinery.descriptor import Descriptor
from kcpcache.apimachinery.errors import Cause
from kcpcache.apimachinery.objects import JSONObject
from workspaces.store.objects import IndexEntry

SYSTEM_USER = systemuser.NAME


@dataclass(frozen=True, slots=True)
class Context:
    """The circumstances of one write."""

    cluster: str  # logical cluster name
    path: str  # workspace path
    descriptor: Descriptor
    user: str = ""
    subresource: str = ""
    dry_run: bool = False

    @property
    def is_system(self) -> bool:
        """Whether a controller writes, and not a client."""
        return self.user == SYSTEM_USER


class Strategy:
    """Hooks of a kind. The defaults suit a plain kind with `spec` and nothing else.

    `name_check` is one of ``subdomain``, ``label``, ``path-segment``. `has_generation` says whether
    `metadata.generation` counts changes outside metadata (and status, where that subresource exists).
    """

    name_check: str = "subdomain"
    has_generation: bool = True
    default_propagation: str = "Background"
    # What may not be created or deleted through the API, only by controllers.
    is_internal: bool = False
    # The finalizer that only controllers take off: without it, what it holds would be left behind.
    system_finalizer: str = ""

    def normalize(self, obj: JSONObject) -> None:
        """Bring accepted spellings into the one that is stored (in place), before pruning and strict checks.

        Runs on everything a client sends, and on the result of a patch; the shape is not validated yet. Raises
        BadRequest or Invalid for what cannot be read.
        """

    def prepare_for_create(self, context: Context, obj: JSONObject) -> None:
        """Set what the server decides (in place): initial status, hashes, generated fields."""

    def prepare_for_update(self, context: Context, obj: JSONObject, old: JSONObject) -> None:
        """Keep what clients may not change (in place)."""

    def admit(self, context: Context, obj: JSONObject | None, old: JSONObject | None) -> None:
        """Decide with the store's help; raises Forbidden, Invalid or Conflict. `obj` None: a delete."""

    def validate(self, context: Context, obj: JSONObject) -> list[Cause]:
        """What the schema cannot say."""
        return []

    def validate_update(self, context: Context, obj: JSONObject, old: JSONObject) -> list[Cause]:
        """What may not change, beyond the schema's transition rules. `validate` runs as well."""
        return []

    def indexes(self, context: Context, obj: JSONObject) -> Sequence[IndexEntry]:
        """Values under which the object is found; unique ones are claimed in the same transaction."""
        return ()

    def affects_discovery(self, obj: JSONObject | None, old: JSONObject | None) -> bool:
        """Whether this write changes what some workspace serves."""
        return False
