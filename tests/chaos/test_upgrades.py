"""Two versions of the program side by side, and definitions that change while they run."""

import asyncio
import io
import os
import subprocess
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, LiteralString

import pytest

from actions.definitions import read_folder
from devstack.stack import EmbeddedStack
from storage.migrate import Migration, migrate, migrations
from storage.store import PostgresStore
from streams.catalog import register
from tests.chaos.figures import figure
from tests.sink import a_sink
from tests.steady import Load, a_load
from tests.world import ROOT, World, a_world, a_world_of

BEFORE = "89ad0d8e95b7ad5635d2251d49988cc5fb109f63"
"""A version that knows schema 6 at most."""
RATE = float(os.environ.get("SLUICEGATE_UPGRADE_RATE", "40"))
PHASE_SECONDS = 4.0
DEFINITION = """\
name: upgraded
trigger: {{ event: upgrade.asked }}
steps:
  - id: gate
    approval: {{ title: "May ${{n}} pass?", roles: [any] }}
  - id: told
    execute:
      - webhook: {{ url: "{url}/told", body: {{ n: "${{n}}" }} }}
      - update_record: {{ entity: upgraded, id: "${{n}}", set: {{ n: "${{n}}" }} }}
"""
SCORE = """
select
    (select count(*) from workflow_executions) as executions,
    (select count(*) from workflow_executions where status = 'completed') as completed,
    (select count(*) from dead_letters) as dead_letters,
    (select count(*) from records where version <> 1) as doubled,
    (select count(*) from decisions where result is distinct from 'applied') as refused
"""
BOTH = """
select count(*) as n from effects where finished_at > now() - interval '3 s'
having count(distinct lease_token) = 2
"""
STALL = """
select max(gap) as longest from (
    select
        extract(epoch from completed_at - lag(completed_at) over (order by completed_at))::float8
            as gap
    from workflow_executions
    where completed_at is not null
) as gaps
"""


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source tree of the version before, from the repository's history."""
    done = subprocess.run(
        ["git", "archive", BEFORE], cwd=ROOT, capture_output=True, check=False, timeout=60
    )
    if done.returncode:
        pytest.skip(f"the history without {BEFORE[:7]}: git fetch --unshallow")
    folder = tmp_path_factory.mktemp("before")
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder


def go_on(world: World, load: Load, seconds: float = PHASE_SECONDS) -> None:
    """Let time pass under load, and see that work ends in it."""
    count = "select count(*) as n from workflow_executions where status = 'completed'"
    ended = world.query(count)[0]["n"]
    world.closing.wait(seconds)
    world.until(f"select 1 as x where ({count.replace(' as n', '')}) > {ended}")
    assert load.published


def all_done(world: World, load: Load) -> dict[str, Any]:
    """Let everything end; return the score."""
    load.over.set()
    world.producer.flush(10)
    number = load.published
    world.until(
        "select 1 as x where (select count(*) from workflow_executions where completed_at is not "
        f"null) = {number} and not exists (select from outbox)"
    )
    return world.query(SCORE)[0]


# F19
def test_workers_of_two_versions_work_side_by_side_through_a_migration_and_back(
    stack: EmbeddedStack, tmp_path: Path, before: Path
) -> None:
    with (
        a_sink() as sink,
        a_world_of(
            before, stack, tmp_path, {"upgraded.yaml": DEFINITION.format(url=sink.url)}, {}
        ) as world,
    ):
        old = world.start_worker()
        with a_load(world, "upgrade.asked", RATE) as load:
            go_on(world, load)
            world.code = ROOT
            done = world.command("migrate")
            assert done.returncode == 0, done.stderr
            assert "applied 0008_upkeep" in done.stdout
            new = world.start_worker()
            world.until(BOTH)
            go_on(world, load)
            world.code = before
            again = world.start_worker()
            new.terminate()
            assert new.wait(20) == 0
            go_on(world, load)
            assert old.poll() is None
            assert again.poll() is None
            score = all_done(world, load)
        longest = world.query(STALL)[0]["longest"]
    number = load.published
    figure("F19", executions=number, lost=number - score["completed"], longest_stall_s=longest)
    assert score == {
        "executions": number, "completed": number, "dead_letters": 0, "doubled": 0, "refused": 0,
    }  # fmt: skip
    # A new member's session time-out (2 s here) and one lock that a migration may wait for.
    assert longest < 6


LATER: tuple[LiteralString, ...] = (
    "-- expand: a column of a large table\nalter table workflow_executions add column more text;",
    "-- expand, online: an index of a busy table\n"
    "create index concurrently if not exists idx_effects_more on effects (finished_at);",
    "-- expand: a default, and a table\n"
    "alter table waits add column more integer not null default 7;\n"
    "create table more (id bigint primary key);",
)


# F19
def test_work_goes_on_while_what_a_later_version_needs_is_added(
    stack: EmbeddedStack, tmp_path: Path
) -> None:
    lines = (line for line in DEFINITION.format(url="").splitlines() if "webhook" not in line)
    with a_world(stack, tmp_path, {"upgraded.yaml": "\n".join(lines)}) as world:
        for _ in range(2):
            world.start_worker()
        with a_load(world, "upgrade.asked", RATE) as load:
            for number, text in enumerate(LATER, 901):
                go_on(world, load, 1.5)
                more = [*migrations(), Migration(number, "later", text)]
                asyncio.run(migrate_to(world, more))
            go_on(world, load, 1.5)
            score = all_done(world, load)
        longest = world.query(STALL)[0]["longest"]
    lost = load.published - score["completed"]
    figure("F19", executions=load.published, lost=lost, longest_stall_s=longest)
    assert (score["completed"], score["dead_letters"]) == (load.published, 0)
    assert longest < 4


async def migrate_to(world: World, known: Sequence[Migration]) -> None:
    store = PostgresStore(world.database_url, pool_size=1)
    await store.open()
    assert len(await migrate(store, known=known)) == 1
    await store.close()


EDITIONS = 24
STEPS = ("first", "second", "third")


def edition(number: int) -> str:
    """Return a definition that no other edition has; every second one has lost a step."""
    kept = [step for step in STEPS if number % 2 or step != "second"]
    before, *after = [
        f"  - id: {step}\n    execute: [{{ log: {{ message: {step} {number} }} }}]\n"
        for step in kept
    ]
    gate = '  - id: gate\n    approval: { title: "${n}", roles: [any] }\n'
    head = "name: changing\ntrigger: { event: change.asked }\nsteps:\n"
    return head + before + gate + "".join(after)


def steps_of_edition(number: int) -> set[str]:
    return {"first", "gate", "third", *(("second",) if number % 2 else ())}


async def deploy(world: World, folder: Path) -> list[dict[str, Any]]:
    """Register a folder as `apply` does; return all versions with their hashes."""
    store = PostgresStore(world.database_url, pool_size=1)
    await store.open()
    found = read_folder(folder)
    assert len(await register(store, found.definitions, found.resources)) == 1
    await store.close()
    return world.query("select version, content_hash from workflows")


TAKEN = """
select e.execution_id, e.workflow_version as version, array_agg(distinct s.step_path) as steps
from workflow_executions e
inner join step_executions s on s.execution_id = e.id
group by 1, 2
"""


# F23
def test_no_execution_changes_its_version_while_definitions_are_deployed_all_the_time(
    stack: EmbeddedStack, tmp_path: Path
) -> None:
    file = tmp_path / "changing.yaml"
    with a_world(stack, tmp_path, {"changing.yaml": edition(1)}) as world:
        for _ in range(2):
            world.start_worker()
        hashes: dict[int, str] = {}
        with a_load(world, "change.asked", RATE) as load:
            go_on(world, load, 1)
            for number in range(2, EDITIONS + 1):
                file.write_text(edition(number))
                for row in asyncio.run(deploy(world, tmp_path)):
                    known = hashes.setdefault(row["version"], row["content_hash"])
                    assert known == row["content_hash"]
                world.closing.wait(0.5)
            score = all_done(world, load)
        taken = world.query(TAKEN)
        said: dict[str, set[int]] = {}
        for record in world.all_seen(lambda r: r.topic == world.topic("executions")):
            said.setdefault(str(record.key), set()).add(record.value["version"])
    assert score["completed"] == load.published == len(taken)
    assert len(hashes) == EDITIONS == len(set(hashes.values()))
    changing = [row for row in taken if said[row["execution_id"]] != {row["version"]}]
    astray = [row for row in taken if set(row["steps"]) != steps_of_edition(row["version"])]
    versions = {row["version"] for row in taken}
    figure(
        "F23",
        executions=len(taken),
        versions=len(versions),
        changing_version=len(changing),
    )
    assert (changing, astray) == ([], [])
    assert len(versions) > EDITIONS / 2
