"""What we ask a broker about its topics, and the topics we create."""

import asyncio
import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, TypeVar

from confluent_kafka import KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import ConfigResource
from confluent_kafka.admin._listoffsets import OffsetSpec
from confluent_kafka.admin._resource import ResourceType
from confluent_kafka.cimpl import NewTopic

from config.errors import ConfigError
from engine.errors import SluicegateError
from streams.lag import GroupState
from streams.rest import holds_record, holds_records
from streams.topics import TopicSpec

T = TypeVar("T")
NO_ID = "00000000-0000-0000-0000-000000000000"
DENIED = (KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.GROUP_AUTHORIZATION_FAILED)
UNANSWERED = (
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError._UNKNOWN_TOPIC,
    # Of a group nobody has joined yet, on a cluster that is still young.
    KafkaError.NOT_COORDINATOR,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.GROUP_ID_NOT_FOUND,
)
quiet = logging.getLogger("sluicegate.librdkafka")


class BrokerUnreachable(SluicegateError):
    """No broker answers at the address."""

    def __init__(self, address: str, problem: str) -> None:
        self.address = address
        super().__init__(f"Kafka at {address} is unreachable: {problem}")


class Admin:
    """The administrative side of one cluster.

    A client that once had no answer is replaced: one whose group's coordinator died and came back
    at once never asks for it again. Raises ConfigError for security settings that cannot be used.
    """

    def __init__(
        self, bootstrap: str, security: Mapping[str, str] | None = None, *, seconds: float = 10
    ) -> None:
        self.address, self._seconds = bootstrap, seconds
        self._config = {
            "bootstrap.servers": bootstrap,
            "reconnect.backoff.ms": "100",
            "reconnect.backoff.max.ms": "5000",
            "log.connection.close": "false",
            **(security or {}),
        }
        self._opening = threading.Lock()
        self._opened: AdminClient | None = None
        self._open()

    def _open(self) -> AdminClient:
        with self._opening:
            if self._opened is None:
                try:
                    self._opened = AdminClient({**self._config}, logger=quiet)
                except KafkaException as problem:
                    text = problem.args[0].str()
                    raise ConfigError(f"the KAFKA_* settings do not fit: {text}") from None
            return self._opened

    async def _ask(self, call: Callable[[], T]) -> T:
        # In the thread, so that it is done even where nobody waits for the answer any more.
        return await asyncio.to_thread(self._answer, call)

    def _answer(self, call: Callable[[], T]) -> T:
        try:
            return call()
        except KafkaException as problem:
            self._opened = None
            raise BrokerUnreachable(self.address, problem.args[0].str()) from problem
        except TimeoutError as problem:
            self._opened = None
            text = f"no answer within {self._seconds:g} s"
            raise BrokerUnreachable(self.address, text) from problem

    async def ping(self) -> None:
        """Raise BrokerUnreachable unless a broker answers."""
        await self._ask(lambda: self._open().list_topics(timeout=self._seconds))

    async def brokers(self) -> int:
        """Return the number of brokers."""
        found = await self._ask(lambda: self._open().list_topics(timeout=self._seconds))
        return len(found.brokers)

    async def partitions(self, names: Iterable[str] | None = None) -> dict[str, int]:
        """Return the number of partitions of topics that exist; of all topics for None."""
        found = await self._ask(lambda: self._open().list_topics(timeout=self._seconds))
        known = {name: len(topic.partitions) for name, topic in found.topics.items()}
        return known if names is None else {name: known[name] for name in names if name in known}

    async def sizes(self, names: Iterable[str]) -> dict[str, tuple[int, int]]:
        """Return partitions and replicas of the topics that exist."""
        found = await self._ask(lambda: self._open().list_topics(timeout=self._seconds))
        sizes: dict[str, tuple[int, int]] = {}
        for name in names:
            parts = found.topics[name].partitions.values() if name in found.topics else ()
            if parts:
                sizes[name] = len(parts), min(len(part.replicas) for part in parts)
        return sizes

    async def create_topics(self, specs: Sequence[TopicSpec]) -> list[str]:
        """Create the topics that do not exist; return their names."""
        known = await self.partitions(spec.name for spec in specs)
        missing = [spec for spec in specs if spec.name not in known]
        return await self._ask(lambda: self._create(missing)) if missing else []

    def _create(self, specs: Sequence[TopicSpec]) -> list[str]:
        futures = self._open().create_topics(
            [
                NewTopic(
                    spec.name,
                    num_partitions=spec.partitions,
                    replication_factor=spec.replication,
                    config=dict(spec.config),
                )
                for spec in specs
            ],
            operation_timeout=self._seconds,
        )
        return [name for name, future in futures.items() if _created(future, 2 * self._seconds)]

    async def topic_ids(self, names: Sequence[str]) -> dict[str, str]:
        """Return the ids of topics, without those for which the broker knows none."""
        futures = await self._ask(
            lambda: self._open().describe_topics(TopicCollection(list(names)))
        )
        ids: dict[str, str] = {}
        for name, future in futures.items():
            described = await self._ask(_result_or_none(future, self._seconds))
            id = None if described is None else uuid_text(described.topic_id)
            if id is not None and id != NO_ID:
                ids[name] = id
        return ids

    async def configs(self, names: Sequence[str]) -> dict[str, dict[str, str]]:
        """Return the settings of topics, without those that we may not or cannot be told."""
        resources = [ConfigResource(ResourceType.TOPIC, name) for name in names]
        futures = await self._ask(lambda: self._open().describe_configs(resources))
        found: dict[str, dict[str, str]] = {}
        for resource, future in futures.items():
            entries = await self._ask(_result_or_none(future, self._seconds))
            if entries is not None:
                found[resource.name] = {name: entry.value for name, entry in entries.items()}
        return found

    async def access(self, names: Sequence[str]) -> dict[str, frozenset[str]]:
        """Return what we may do with topics, nothing where we may not even see them.

        Topics that do not exist are left out, and all of a broker without ACLs.
        """
        futures = await self._ask(
            lambda: self._open().describe_topics(
                TopicCollection(list(names)), include_authorized_operations=True
            )
        )
        found: dict[str, frozenset[str]] = {}
        for name, future in futures.items():
            operations = await self._ask(_operations_of(future, self._seconds))
            if operations is not None:
                found[name] = operations
        return found

    async def group_access(self, name: str) -> frozenset[str] | None:
        """Return what we may do with a group, None where the broker does not say."""
        futures = await self._ask(
            lambda: self._open().describe_consumer_groups(
                [name], include_authorized_operations=True
            )
        )
        return await self._ask(_operations_of(futures[name], self._seconds))

    async def ends(self, partitions: Sequence[tuple[str, int]]) -> dict[tuple[str, int], int]:
        """Return where partitions end; one that does not answer is left out."""
        return await self._offsets(partitions, OffsetSpec.latest())  # type: ignore[no-untyped-call]

    async def starts(self, partitions: Sequence[tuple[str, int]]) -> dict[tuple[str, int], int]:
        """Return where partitions begin; one that does not answer is left out."""
        return await self._offsets(partitions, OffsetSpec.earliest())  # type: ignore[no-untyped-call]

    async def _offsets(
        self, partitions: Sequence[tuple[str, int]], which: OffsetSpec
    ) -> dict[tuple[str, int], int]:
        if not partitions:
            return {}
        asked = {TopicPartition(*partition): which for partition in partitions}
        futures = await self._ask(lambda: self._open().list_offsets(asked))
        found = {}
        for partition, future in futures.items():
            answer = await self._ask(_result_or_none(future, self._seconds))
            if answer is not None:
                found[partition.topic, partition.partition] = answer.offset
        return found

    async def holds_records(self, partition: tuple[str, int], start: int, end: int) -> bool:
        """Tell whether anything but marks of transactions stands between two offsets."""
        rest = TopicPartition(*partition, start)
        return await self._ask(lambda: holds_records(self._config, rest, end, self._seconds))

    async def holds_record(self, partition: tuple[str, int], offset: int) -> bool:
        """Tell whether a partition has a record at an offset or after it."""
        place = TopicPartition(*partition, offset)
        return await self._ask(lambda: holds_record(self._config, place, self._seconds))

    async def group(self, name: str) -> GroupState:
        """Return the members of a consumer group."""
        futures = await self._ask(lambda: self._open().describe_consumer_groups([name]))
        return await self._ask(_state_of(futures[name], self._seconds))


def _state_of(future: "Future[Any]", seconds: float) -> Callable[[], GroupState]:
    def state() -> GroupState:
        try:
            described = future.result(seconds)
        except KafkaException as problem:
            if problem.args[0].code() in DENIED:
                return GroupState("hidden", ())
            if problem.args[0].code() in UNANSWERED:
                return GroupState("empty", ())
            raise
        members = (
            (f"{member.client_id}@{member.host}", len(member.assignment.topic_partitions or ()))
            for member in described.members
        )
        return GroupState(described.state.name.lower(), tuple(sorted(members)))

    return state


def _operations_of(future: "Future[Any]", seconds: float) -> Callable[[], frozenset[str] | None]:
    def operations() -> frozenset[str] | None:
        try:
            allowed = future.result(seconds).authorized_operations
        except KafkaException as problem:
            if problem.args[0].code() in DENIED:
                return frozenset()
            if problem.args[0].code() in UNANSWERED:
                return None
            raise
        return None if allowed is None else frozenset(one.name for one in allowed)

    return operations


def uuid_text(id: Any) -> str:
    """Return a topic id as UUID text, from its two halves."""
    high = id.get_most_significant_bits() & (1 << 64) - 1
    low = id.get_least_significant_bits() & (1 << 64) - 1
    digits = f"{high:016x}{low:016x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _created(future: "Future[Any]", seconds: float) -> bool:
    try:
        future.result(seconds)
    except KafkaException as problem:
        if problem.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS:
            return False
        raise
    return True


def _result_or_none(future: "Future[Any]", seconds: float) -> Callable[[], Any]:
    def result() -> Any:
        try:
            return future.result(seconds)
        except KafkaException as problem:
            if problem.args[0].code() in (
                KafkaError.UNKNOWN_TOPIC_OR_PART,
                KafkaError._UNKNOWN_TOPIC,
                KafkaError.TOPIC_AUTHORIZATION_FAILED,
            ):
                return None
            raise

    return result
