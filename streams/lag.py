"""How far a group's workers are behind, and who they are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Lag:
    """One partition: what will be read next, and where the log ends."""

    topic: str
    partition: int
    next_offset: int
    end: int | None
    """None where the broker does not tell."""

    @property
    def behind(self) -> int:
        """Records that are not read yet."""
        return max((self.end or 0) - self.next_offset, 0)


@dataclass(frozen=True, slots=True)
class GroupState:
    """The members of a consumer group and what each reads."""

    state: str
    members: tuple[tuple[str, int], ...]
    """Client and host of each, and how many partitions it reads; not every broker tells."""

    @property
    def is_joined(self) -> bool:
        """Tell whether somebody reads; a group that we may not look at is taken at its word."""
        return self.state not in ("empty", "dead", "unknown")


class Ends(Protocol):
    """Who knows where logs end."""

    async def ends(self, partitions: Sequence[tuple[str, int]]) -> dict[tuple[str, int], int]:
        """Return the end of each partition that answers."""


async def lag_of(admin: Ends, positions: Mapping[tuple[str, int], int]) -> list[Lag]:
    """Return the lag of partitions whose positions are known."""
    ends = await admin.ends(list(positions))
    return [
        Lag(topic, partition, next_offset, ends.get((topic, partition)))
        for (topic, partition), next_offset in positions.items()
    ]


class Cluster(Ends, Protocol):
    """Who knows where logs end and who reads them."""

    async def group(self, name: str) -> GroupState:
        """Return the members of a consumer group."""


async def lag_report(
    cluster: Cluster, group: str, positions: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Return how far a group is behind, as operators see it; `positions` are the database's."""
    known = {(row["topic"], row["partition"]): row["next_offset"] for row in positions}
    moved = {(row["topic"], row["partition"]): row["updated_at"] for row in positions}
    state = await cluster.group(group)
    lags = await lag_of(cluster, known)
    return {
        "group": group,
        "state": state.state,
        "members": [{"name": name, "partitions": number} for name, number in state.members],
        "behind": sum(lag.behind for lag in lags),
        "items": [
            {
                "topic": lag.topic,
                "partition": lag.partition,
                "next_offset": lag.next_offset,
                "end": lag.end,
                "behind": lag.behind,
                "moved_at": moved[lag.topic, lag.partition],
            }
            for lag in lags
        ],
    }
