"""Which records are believed to come next, after an assignment and later."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import uuid4

import psycopg
import pytest
from confluent_kafka import Producer

from devstack.stack import EmbeddedStack
from storage.store import PostgresStore
from streams.admin import Admin
from streams.codecs import RawRecord
from streams.position import MOST_DROPPED, LogState, Partition, Positions, RetentionLoss
from streams.topics import TopicSpec

NOW = round(datetime(2026, 3, 2, tzinfo=UTC).timestamp() * 1000)


@dataclass(slots=True)
class Reading:
    """A partition whose next record is number 10, as a consumer sees it."""

    partition: Partition
    positions: Positions
    starts: list[int] = field(default_factory=lambda: [0])
    seeks: list[Partition] = field(default_factory=list)

    async def accepted(self, first: int, number: int = 5, follows: int | None = None) -> list[int]:
        """Return which offsets of a batch are believed."""
        topic, partition = self.partition
        batch = [
            RawRecord(topic, partition, offset, None, b"{}", (), NOW, False)
            for offset in range(first, first + number)
        ]
        return [
            record.offset for record in await self.positions.accept(self.partition, batch, follows)
        ]


async def reading(store: PostgresStore, *, accept_gaps: bool = False) -> Reading:
    """Assign a partition of which ten records were processed."""
    partition = Partition(f"events-{uuid4().hex}", 0)

    async def log_start(_: Partition) -> int:
        return found.starts[0]

    async def seek_back() -> None:
        found.seeks.append(partition)

    async def on_recreated(_: Partition) -> None:
        raise AssertionError("the topic is the same")

    positions = Positions(
        store,
        "group",
        accept_gaps=accept_gaps,
        log_start=log_start,
        holds_record=no_record,
        seek_back=seek_back,
        on_recreated=on_recreated,
    )
    found = Reading(partition, positions)
    log = LogState({partition.topic: "id"}, {partition: 10}, {partition: 50})
    assert await positions.starts(frozenset({partition}), log) == {partition: 10}
    return found


async def test_what_was_processed_is_not_believed_again(store: PostgresStore) -> None:
    found = await reading(store)
    assert await found.accepted(8) == [10, 11, 12]
    assert found.seeks == []


# F8
async def test_a_batch_from_before_the_assignment_is_dropped_and_the_place_read_again(
    store: PostgresStore,
) -> None:
    found = await reading(store)
    assert await found.accepted(20) == []
    assert len(found.seeks) == 1
    assert await found.accepted(25) == []
    assert len(found.seeks) == 1
    assert await found.accepted(10) == [10, 11, 12, 13, 14]


async def test_a_hole_is_believed_when_the_same_record_comes_after_it_again(
    store: PostgresStore,
) -> None:
    found = await reading(store)
    assert await found.accepted(12) == []
    assert await found.accepted(12) == [12, 13, 14, 15, 16]
    assert len(found.seeks) == 1


async def test_a_record_nearer_to_the_position_is_doubted_in_its_turn(
    store: PostgresStore,
) -> None:
    found = await reading(store)
    assert await found.accepted(20) == []
    assert await found.accepted(12) == []
    assert await found.accepted(12) == [12, 13, 14, 15, 16]
    assert len(found.seeks) == 2


async def test_a_place_that_never_comes_is_asked_for_again(store: PostgresStore) -> None:
    found = await reading(store)
    for _ in range(MOST_DROPPED + 1):
        assert await found.accepted(20 + len(found.seeks)) == []
    assert await found.accepted(30) == []
    assert len(found.seeks) == 2


async def test_a_hole_within_a_fetch_needs_no_second_reading(store: PostgresStore) -> None:
    found = await reading(store)
    assert await found.accepted(10) == [10, 11, 12, 13, 14]
    found.positions.note(found.partition, 15)
    assert await found.accepted(16, follows=15) == [16, 17, 18, 19, 20]
    assert found.seeks == []


# F8
async def test_a_gap_between_fetches_is_doubted_at_any_time(store: PostgresStore) -> None:
    found = await reading(store)
    assert await found.accepted(10) == [10, 11, 12, 13, 14]
    found.positions.note(found.partition, 15)
    assert await found.accepted(25, follows=25) == []
    assert await found.accepted(15) == [15, 16, 17, 18, 19]
    assert len(found.seeks) == 1


# F24
async def test_records_that_are_gone_are_told_at_any_time(store: PostgresStore) -> None:
    found = await reading(store)
    assert await found.accepted(10) == [10, 11, 12, 13, 14]
    found.positions.note(found.partition, 15)
    found.starts[0] = 20
    assert await found.accepted(20) == []
    with pytest.raises(RetentionLoss, match="5 records were deleted unread"):
        await found.accepted(20)


# F24
async def test_records_that_are_gone_are_passed_over_where_that_is_set(
    store: PostgresStore,
) -> None:
    found = await reading(store, accept_gaps=True)
    found.starts[0] = 20
    assert await found.accepted(20) == []
    assert await found.accepted(20) == [20, 21, 22, 23, 24]


def positions_of(
    store: PostgresStore, on_recreated: Callable[[Partition], Awaitable[None]]
) -> Positions:
    """Return the positions of a group for one topic that is always read on."""

    async def log_start(_: Partition) -> int:
        return 0

    async def seek_back() -> None:
        return

    return Positions(
        store,
        f"group-{uuid4().hex}",
        accept_gaps=False,
        log_start=log_start,
        holds_record=no_record,
        seek_back=seek_back,
        on_recreated=on_recreated,
    )


# F12
async def test_what_follows_a_topics_loss_is_done_before_its_position_moves(
    store: PostgresStore,
) -> None:
    done: list[str] = []

    async def announce(_: Partition) -> None:
        done.append("tried")
        if len(done) == 1:
            raise psycopg.OperationalError("server closed the connection")

    positions, partition = positions_of(store, announce), Partition("lost", 0)
    mine = frozenset({partition})
    old, new = (LogState({"lost": id}, {partition: 0}, {partition: 9}) for id in ("old", "new"))
    assert await positions.starts(mine, old) == {partition: 0}
    with pytest.raises(psycopg.OperationalError):
        await positions.starts(mine, new)
    assert await positions.starts(mine, new) == {partition: 0}
    assert await positions.starts(mine, new) == {partition: 0}
    assert done == ["tried", "tried"]


# F12
async def test_a_topic_whose_id_becomes_known_is_known_by_it_from_then_on(
    store: PostgresStore,
) -> None:
    done: list[Partition] = []

    async def announce(partition: Partition) -> None:
        done.append(partition)

    positions, partition = positions_of(store, announce), Partition("named-late", 0)
    mine = frozenset({partition})
    for ids in ({}, {"named-late": "first"}, {"named-late": "first"}, {"named-late": "second"}):
        await positions.starts(mine, LogState(ids, {partition: 0}, {partition: 9}))
    assert done == [partition]


# F24
async def test_a_log_that_ends_before_our_position_is_told(
    store: PostgresStore, caplog: pytest.LogCaptureFixture
) -> None:
    async def announce(_: Partition) -> None:
        raise AssertionError("the topic is the same")

    positions, partition = positions_of(store, announce), Partition("short", 0)
    mine = frozenset({partition})
    await positions.starts(mine, LogState({"short": "id"}, {partition: 5}, {partition: 9}))
    assert caplog.records == []
    await positions.starts(mine, LogState({"short": "id"}, {partition: 0}, {partition: 3}))
    assert "our position is 5, but the log ends at 3" in caplog.text


# S12
async def test_records_of_a_topic_made_anew_that_name_no_id_are_new(store: PostgresStore) -> None:
    found = await reading(store)
    topic = found.partition.topic
    batch = [RawRecord(topic, 0, 10, None, b"{}", (), NOW, False)]
    [before] = await found.positions.accept(found.partition, batch)
    made_anew: list[Partition] = []

    async def on_recreated(partition: Partition) -> None:
        made_anew.append(partition)

    for life in (1, 2):
        positions = Positions(
            store,
            "group",
            accept_gaps=False,
            log_start=no_start,
            holds_record=no_record,
            seek_back=nothing,
            on_recreated=on_recreated,
        )
        log = LogState({topic: f"id {life}"}, {found.partition: 10}, {found.partition: 11})
        assert await positions.starts(frozenset({found.partition}), log) == {found.partition: 10}
        [again] = await positions.accept(found.partition, batch)
        assert (before.place, again.place) == (f"{topic}:0:10", f"{topic}:0:10:{life}")
    assert made_anew == [found.partition] * 2


async def no_start(_: Partition) -> int:
    raise AssertionError("there is no gap")


async def nothing() -> None:
    raise AssertionError("nothing is read again")


async def no_record(_: Partition, __: int) -> bool:
    return False


async def test_whether_a_log_holds_a_record_is_not_left_to_what_its_broker_says_of_its_end(
    stack: EmbeddedStack,
) -> None:
    topic, admin = f"burst-{uuid4().hex}", Admin(stack.addresses.kafka, seconds=3)
    await admin.create_topics([TopicSpec(topic, 1, 1, {})])
    producer = Producer({"bootstrap.servers": stack.addresses.kafka, "linger.ms": 100})
    for number in range(50):
        producer.produce(topic, str(number))
    await asyncio.to_thread(producer.flush, 30)
    found = [await admin.holds_record((topic, 0), offset) for offset in (0, 49, 50)]
    assert found == [True, True, False]
