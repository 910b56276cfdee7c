"""The checker finds nothing in a sound deployment, and each wrong that is done to one."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import psycopg
import pytest
from psycopg.rows import dict_row

from cli.chaos.definition import ASKED, ENTITIES, NAME, SIGNALLED, SOURCE, definitions
from devstack.stack import EmbeddedStack
from engine.ids import execution_id
from storage.invariants import INVARIANTS, Cohort, Finding, Invariants, cohort_of
from storage.store import Connection, Transaction
from streams.topics import Topics
from streams.witness.reader import Reader
from streams.witness.witness import Witness, a_witness
from tests.sink import Sink, a_sink
from tests.world import World, a_world

PLANS = ("plain", "nap", "signal", "unheard", "call")


@dataclass(frozen=True, slots=True)
class Sound:
    """A deployment in which everything went well; its database stays as it is."""

    url: str
    witness: Witness
    cohort: Cohort


@pytest.fixture(scope="module")
def sound(stack: EmbeddedStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sound]:
    begun_at = datetime.now(UTC)
    files = definitions(with_sink=True)
    folder = tmp_path_factory.mktemp("sound")
    with a_sink() as sink:
        secret = {"SLUICEGATE_SECRET_CHAOS_SINK": sink.url}
        with a_world(stack, folder, files, **secret) as world:
            play(world, sink)
            cohort = cohort_of(begun_at)
            yield Sound(world.database_url, witness_of(world, cohort), cohort)


def play(world: World, sink: Sink) -> None:
    """Let each plan run to its end, with a poisoned record and a contradicting decision."""
    sink.bodies["/accounts/1"] = b"{}"
    world.start_worker()
    for plan in PLANS:
        world.publish(ASKED, {"n": plan, "plan": plan, "account": "1"}, id=plan, source=SOURCE)
    world.publish(SIGNALLED, {"n": "signal"})
    world.produce(world.events_topic, b"{nonsense", key="poison")
    for plan in ("plain", "nap", "signal", "call"):
        request = world.waiting(kind="approval", n=plan)
        world.decide(request, decision_id=f"d-{plan}")
        world.decide(request, "rejected", decision_id=f"late-{plan}")
    world.until(
        "select 1 as x where (select count(*) from workflow_executions where status = 'completed')"
        " = 5 and (select count(*) from decisions where result is not null) = 8"
        " and not exists (select from outbox)"
    )
    world.stop_workers()


def witness_of(world: World, cohort: Cohort) -> Witness:
    """Read all topics of a deployment."""
    witness = a_witness(Topics(f"{world.name}."), [world.events_topic], cohort, ENTITIES)
    reader = Reader(world.env["KAFKA_BOOTSTRAP_SERVERS"])
    places = reader.partitions_of(witness.folds)
    witness.note_all(reader.read_to_end(dict.fromkeys(places, 0)))
    reader.close()
    return witness


@dataclass(frozen=True, slots=True)
class Doctored:
    """A database with a wrong done to it that nobody else sees, and that is never committed."""

    connection: Connection

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        async with self.connection.transaction():
            yield Transaction(self.connection)


@asynccontextmanager
async def doctored(sound: Sound, *wrongs: str) -> AsyncIterator[Invariants]:
    """Do wrong to the database, ask about it, and undo the wrong."""
    connection = await psycopg.AsyncConnection.connect(sound.url, row_factory=dict_row)
    async with connection:
        await connection.execute("set local session_replication_role = replica")
        for wrong in wrongs:
            cursor = await connection.execute(wrong.encode())
            assert cursor.rowcount > 0, wrong
        yield Invariants(Doctored(connection), sound.cohort)
        await connection.rollback()


async def everything(sound: Sound, invariants: Invariants) -> list[Finding]:
    return [
        *await invariants.check(),
        *await invariants.check_in_time(),
        *await invariants.check_records(NAME, ENTITIES),
        *await sound.witness.testify(invariants),
    ]


# S11 S12 S113
async def test_nothing_is_found_where_all_went_well(sound: Sound) -> None:
    async with doctored(sound) as invariants:
        assert await everything(sound, invariants) == []
        assert await invariants.unsettled() == 0
        assert await invariants.progress([NAME]) == {
            "started": 5, "ended": 5, "completed": 5, "failed": 0
        }  # fmt: skip
    assert sound.witness.records() > 70


ONE = "(select id from workflow_executions where trigger_payload->>'n' = 'plain')"
A_WAIT = f"(select id from waits where execution_id = {ONE})"
OPEN_WAIT = (
    f"update waits set status = 'open', outcome = null, closed_at = null where id = {A_WAIT}"
)
ANOTHER = """
insert into workflow_executions (id, workflow_id, workflow_name, workflow_version, trigger_event,
    trigger_payload, status, result, completed_at, metadata, sequence)
select (substr(id::text, 1, 34) || 'aa')::uuid, workflow_id, workflow_name, workflow_version,
    trigger_event, trigger_payload, status, result, completed_at, metadata, sequence
from workflow_executions where trigger_payload->>'n' = 'plain'
"""
ANOTHER_WAIT = f"""
insert into waits (id, execution_id, step_path, kind, status, record, opened_at, since)
select (substr(id::text, 1, 34) || 'aa')::uuid, execution_id, 'x', 'event', 'open', '{{}}', now(),
    now()
from waits where id = {A_WAIT}
"""
WRONGS = {
    "one_start_per_event": (ANOTHER,),
    "starts_exist": (f"delete from workflow_executions where id = {ONE}",),
    "one_resume_per_wait": (
        "update decisions set result = 'applied', code = null where decision_id = 'late-plain'",
    ),
    "winner_is_the_outcome": (f"update waits set outcome = 'rejected' where id = {A_WAIT}",),
    "request_is_its_wait": (
        f"update approval_requests set outcome = 'rejected' where id = {A_WAIT}",
    ),
    "nothing_is_left_of_the_ended": (OPEN_WAIT,),
    "no_wait_ends_early": (
        "update waits set due_at = closed_at + interval '1 ms' where outcome = 'elapsed'",
    ),
    "in_time_beats_expiry": (
        f"update waits set outcome = 'expired' where id = {A_WAIT}",
        "update decisions set result = 'refused', code = 'expired' where decision_id = 'd-plain'",
    ),
    "no_decision_is_orphaned": (
        "update decisions set result = null, code = null, answered_at = null"
        " where decision_id = 'd-plain'",
    ),
    "nobody_is_stuck": (
        "update workflow_executions set status = 'running', result = null, completed_at = null"
        f" where id = {ONE}",
    ),
    "timers_fire": (
        "insert into timers (id, execution_id, kind, due_at)"
        f" select gen_random_uuid(), {ONE}, 'retry', now() - interval '1 h'",
    ),
    "effects_are_performed": (
        "update effects set status = 'pending', lease_until = now() - interval '1 h'"
        " where kind = 'webhook'",
    ),
    "outbox_is_published": (
        "insert into outbox (shard, messages, created_at)"
        " values (0, '[]', now() - interval '1 h')",
    ),
    "one_dead_letter_per_record": (
        "insert into dead_letters (topic, partition, record_offset, record_timestamp, record_key,"
        " consumer_group, error_type, error_message) select topic, partition, record_offset,"
        " record_timestamp, record_key, consumer_group, error_type, error_message"
        " from dead_letters",
    ),
    "votes_count_once": (
        "insert into approval_votes (id, request_row_id, execution_id, decision_id, outcome,"
        f" decided_by, voted_at) select gen_random_uuid(), {A_WAIT}, {ONE}, 'd-plain', 'approved',"
        " 'ana', now() from generate_series(1, 2)",
    ),
    "records_are_written_once": (
        "update records set version = 2 where entity_type = 'chaos_counted' and entity_id = 'nap'",
    ),
    "life_cycle_is_told": (
        f"update workflow_executions set sequence = sequence + 1 where id = {ONE}",
    ),
    "topic_tells_no_more": (
        f"update workflow_executions set sequence = sequence - 1 where id = {ONE}",
    ),
    "end_is_told": (
        f"update workflow_executions set status = 'blocked', result = 'blocked' where id = {ONE}",
    ),
    "wait_is_told": (ANOTHER_WAIT,),
    "outcome_is_told": (f"update waits set outcome = 'rejected' where id = {A_WAIT}",),
    "answer_is_told": (
        "update decisions set result = 'counted' where decision_id = 'd-plain'",
    ),
    "dead_letter_is_told": ("update dead_letters set record_offset = record_offset + 1",),
    "record_is_told": (
        "insert into records (entity_type, entity_id) values ('chaos_noted', 'nobody knows')",
    ),
}  # fmt: skip


# S11 S12 S113
@pytest.mark.parametrize("invariant", WRONGS)
async def test_a_wrong_is_found_and_its_rows_are_named(sound: Sound, invariant: str) -> None:
    async with doctored(sound, *WRONGS[invariant]) as invariants:
        found = {finding.invariant: finding for finding in await everything(sound, invariants)}
    assert invariant in found
    assert found[invariant].count >= 1
    assert all(found[invariant].rows)


def test_every_invariant_of_the_rows_has_its_wrong() -> None:
    assert set(INVARIANTS) <= set(WRONGS)


LEFT = {
    "a pending effect": "update effects set status = 'pending' where kind = 'webhook'",
    "an unfinished step": (
        "update step_executions set status = 'running', completed_at = null"
        f" where execution_id = {ONE} and step_path = 'noted'"
    ),
    "its trigger key": f"insert into trigger_keys select '{NAME}', 'k', {ONE}",
    "a place in a lane": f"insert into lanes select '{NAME}', 'l', {ONE}, 1, true",
    "a place in a lane and never began": (
        f"insert into lanes select '{NAME}', 'l', 'ffffffff-ffff-7fff-bfff-ffffffffffff', 1, false"
    ),
    "a watch": f"insert into watches select 'c', {ONE}",
}


@pytest.mark.parametrize("what", LEFT)
async def test_whatever_an_ended_execution_leaves_is_found(sound: Sound, what: str) -> None:
    async with doctored(sound, LEFT[what]) as invariants:
        found = [f for f in await invariants.check() if f.invariant.startswith("nothing_is_left")]
    assert [row.partition(" has ")[2] for row in found[0].rows] == [what]


MISSING = {
    "missing_events": ("event_id", "plain", "never"),
    "missing_decisions": ("decision_id", "d-nap", "never"),
    "missing_dead_letters": ("record_key", "poison", "never"),
}


@pytest.mark.parametrize("statement", MISSING)
async def test_what_was_sent_and_is_nowhere_is_found(sound: Sound, statement: str) -> None:
    column, known, unknown = MISSING[statement]
    async with doctored(sound) as invariants:
        more = {"source": SOURCE} if statement == "missing_events" else {}
        assert await invariants.check_missing(statement, "", [{column: known}], **more) == []
        found = await invariants.check_missing(
            statement, "", [{column: known}, {column: unknown}], **more
        )
    assert [finding.rows for finding in found] == [(unknown,)]


async def test_webhooks_are_compared_with_effects_in_both_directions(sound: Sound) -> None:
    with psycopg.connect(sound.url) as connection:
        row = connection.execute(
            "select idempotency_key from effects where kind = 'webhook'"
        ).fetchone()
    key = row[0] if row else ""
    async with doctored(sound) as invariants:
        for statement in ("missing_webhooks", "unknown_webhooks"):
            assert await invariants.check_all_there(statement, "", [{"key": key}]) == []
        missing = await invariants.check_all_there("missing_webhooks", "", [{"key": "x"}])
        unknown = await invariants.check_all_there("unknown_webhooks", "", [{"key": "x"}])
    assert missing[0].rows == (key,)
    assert unknown[0].rows == ("x",)


def test_a_finding_says_what_where_and_how_often() -> None:
    finding = Finding("one_start_per_event", "an event starts one execution", 7, ("a", "b"))
    assert str(finding) == "not so: an event starts one execution (7: a, b, ...)"


def test_a_cohort_begins_at_its_instant() -> None:
    now = datetime.now(UTC)
    milliseconds = round(now.timestamp() * 1000)
    cohort = cohort_of(now)
    assert cohort.since <= execution_id("w", "s", "e", milliseconds + 1)
    assert cohort.since > execution_id("w", "s", "e", milliseconds - 2)
