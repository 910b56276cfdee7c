"""Every topic of ours: key, partitions, clean-up (interfaces.md, Topics)."""

from collections.abc import Mapping
from dataclasses import dataclass

MOST_PARTITIONS = 12
"""Partitions of the topics that workers share: most workers that help."""
DAY_MS = 24 * 3600 * 1000


@dataclass(frozen=True, slots=True)
class Topic:
    """What a topic is for and how it must be configured."""

    name: str
    key: str
    partitions: int
    retention_days: int
    purpose: str
    compacted: bool = False
    append_time: bool = False

    def config(self) -> dict[str, str]:
        """Return the topic's settings as Kafka names them."""
        config = {
            "cleanup.policy": "compact,delete" if self.compacted else "delete",
            "retention.ms": str(self.retention_days * DAY_MS),
            "max.message.bytes": str(1024 * 1024),
        }
        if self.compacted:
            config["min.compaction.lag.ms"] = str(3600 * 1000)
        if self.append_time:
            config["message.timestamp.type"] = "LogAppendTime"
        return config


OWN = (
    Topic("commands", "execution id", MOST_PARTITIONS, 7, "requests from API, CLI and schedules"),
    Topic("decisions", "execution id", MOST_PARTITIONS, 30, "human decisions", append_time=True),
    Topic("waiting", "wait id", 6, 90, "one record per open pause", compacted=True),
    Topic("receipts", "execution id", MOST_PARTITIONS, 30, "one answer per decision or command"),
    Topic("executions", "execution id", MOST_PARTITIONS, 30, "life cycle of executions and steps"),
    Topic("dead-letters", "original key", 3, 90, "records that could not be read or placed"),
)


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """A topic to be created."""

    name: str
    partitions: int
    replication: int
    config: Mapping[str, str]


def _partitions(topic: Topic, wanted: int | None) -> int:
    if wanted is None:
        return topic.partitions
    return wanted if topic.partitions == MOST_PARTITIONS else min(topic.partitions, wanted)


class Topics:
    """The names of our topics under one prefix."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self.commands = f"{prefix}commands"
        self.decisions = f"{prefix}decisions"
        self.waiting = f"{prefix}waiting"
        self.receipts = f"{prefix}receipts"
        self.executions = f"{prefix}executions"
        self.dead_letters = f"{prefix}dead-letters"

    def specs(self, partitions: int | None = None, replication: int = 3) -> list[TopicSpec]:
        """Return what to create; `partitions` replaces 12, and caps the smaller numbers."""
        in_sync = {"min.insync.replicas": str(2 if replication >= 3 else 1)}
        return [
            TopicSpec(
                f"{self._prefix}{topic.name}",
                _partitions(topic, partitions),
                replication,
                topic.config() | in_sync,
            )
            for topic in OWN
        ]
