"""The names of everything that lies in Redis; no other file spells one.

All keys of one replica share a hash tag, so that they lie on one node of a Redis Cluster and one script may
touch them all. The tag begins with the shard: deployments that share a Redis never meet.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

PREFIX = "kcpcache:"

_KEY = re.compile(PREFIX + r"\{([^/{}]+)/([^/{}]+)/([^/{}]+)\}:(?:(\d{1,15}):)?\w+")

# Publish/subscribe: "<tag> <cursor>" after every batch that was applied.
CHANNEL = PREFIX + "replica"


@dataclass(frozen=True, slots=True)
class Family:
    """All keys of the replica of one CachedResource."""

    shard: str
    cluster: str  # logical cluster of the CachedResource
    uid: str  # of the CachedResource

    @property
    def tag(self) -> str:
        """``shard/cluster/uid``, what stands between the braces."""
        return f"{self.shard}/{self.cluster}/{self.uid}"

    @property
    def meta(self) -> str:
        """Hash: cursor, count, bytes, checksum, epoch, compacted revision, and what the replica is of."""
        return f"{PREFIX}{{{self.tag}}}:meta"

    @property
    def stream(self) -> str:
        """Stream: one entry a change, its id is the revision."""
        return f"{PREFIX}{{{self.tag}}}:stream"

    @property
    def generations(self) -> str:
        """Set: every generation that may have keys, the live one and those of unfinished fills."""
        return f"{PREFIX}{{{self.tag}}}:generations"

    @property
    def wanted(self) -> str:
        """String: a revision that some reader waits for."""
        return f"{PREFIX}{{{self.tag}}}:wanted"

    @property
    def mark(self) -> str:
        """String: somebody has published a hint that no worker has begun to follow."""
        return f"{PREFIX}{{{self.tag}}}:mark"

    @property
    def lease(self) -> str:
        """String: the token of the worker that writes the stream."""
        return f"{PREFIX}{{{self.tag}}}:lease"

    @property
    def repair_guard(self) -> str:
        """String: the token of the worker that fills the replica because somebody asked for it."""
        return f"{PREFIX}{{{self.tag}}}:repair"

    def objects(self, generation: int) -> str:
        """Hash: name to body."""
        return f"{PREFIX}{{{self.tag}}}:{generation}:objects"

    def index(self, generation: int) -> str:
        """Sorted set of names, in the order of their bytes."""
        return f"{PREFIX}{{{self.tag}}}:{generation}:index"

    def fixed(self) -> list[str]:
        """Every key that does not belong to a generation."""
        return [
            self.meta,
            self.stream,
            self.generations,
            self.wanted,
            self.mark,
            self.lease,
            self.repair_guard,
        ]


def log_channel(shard: str) -> str:
    """Publish/subscribe: the sender's token, after something was committed to a shard's change log."""
    return f"{PREFIX}{shard}:log"


def families_pattern(shard: str) -> str:
    """A glob for every key of every family of a shard."""
    return f"{PREFIX}{{{shard}/*}}:*"


def orphan_guard(shard: str) -> str:
    """String: somebody has looked for orphans of a shard a moment ago."""
    return f"{PREFIX}{shard}:orphans"


def located(key: str) -> tuple[Family, int | None] | None:
    """The family of a key, and its generation if it belongs to one; None when the key is none of ours."""
    found = _KEY.fullmatch(key)
    if found is None:
        return None
    return Family(found[1], found[2], found[3]), int(found[4]) if found[4] else None


def tagged(tag: str) -> Family:
    """The family with this tag."""
    return Family(*tag.split("/"))


def audit_guard(shard: str) -> str:
    """String: the token of the worker that audits the replicas of a shard."""
    return f"{PREFIX}{shard}:auditing"


def audited(shard: str) -> str:
    """Sorted set: the uid of each replica of a shard, by the time at which its last audit began."""
    return f"{PREFIX}{shard}:audited"


def presence(shard: str) -> str:
    """Hash: what each worker and beat said of itself last."""
    return f"{PREFIX}{shard}:presence"


def tallies(shard: str) -> str:
    """Hash: how often something happened in any process of a shard."""
    return f"{PREFIX}{shard}:tallies"


def revision_mark(shard: str) -> str:
    """Sorted set with one member: the highest revision of a shard that anybody has noted."""
    return f"{PREFIX}{shard}:mark"


def samples(shard: str) -> str:
    """List: how far the replicas of a shard were behind in the last hour, the newest first."""
    return f"{PREFIX}{shard}:samples"


def sample_guard(shard: str) -> str:
    """String: somebody has left a sample a moment ago."""
    return f"{PREFIX}{shard}:sample"
