"""Events that are read at once come to the same as events that are read one by one."""

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random
from uuid import uuid4

from devstack.stack import EmbeddedStack
from tests.world import World, a_world

LETTER = """
name: {name}
trigger:
  event: letter.opened
  key: "${{id}}"
  on_busy: {busy}
  cancel_on: {{ event: letter.dropped, match: {{ id: "${{id}}" }} }}
steps:
  {first}
  - id: answer
    wait: {{ event: letter.answered, match: {{ id: "${{id}}" }}, timeout: 1h }}
"""
CONFIRMED = """
  - id: noted
    execute: [{ create_record: { entity: letter, id: "${execution.id}" } }]
  - id: confirmation
    wait: { event: letter.confirmed, match: { id: "${id}" }, timeout: 1h }
"""
NOTED = 'id: noted\n    execute: [{create_record: {entity: letter, id: "${execution.id}"}}]'
DEFINITIONS = {
    "ignored.yaml": LETTER.format(name="ignored", busy="ignore", first=""),
    "noted.yaml": LETTER.format(name="noted", busy="ignore", first=f"- {NOTED}"),
    "replaced.yaml": LETTER.format(name="replaced", busy="replace", first=""),
    "twice.yaml": LETTER.format(name="twice", busy="ignore", first="") + CONFIRMED,
    "twice-replaced.yaml": LETTER.format(name="twice-replaced", busy="replace", first="")
    + CONFIRMED,
}
"""`noted` writes a record before it waits: a step that needs the database in the transaction."""
TYPES = {
    "o": "letter.opened",
    "d": "letter.dropped",
    "a": "letter.answered",
    "c": "letter.confirmed",
}
LISTED = "odo oao ood do ooao odoao oodoo o|do o|od o|ao o|aoao o|odoodo od|o"


def some_cases(number: int) -> Iterator[str]:
    """Yield events of one key, a letter each, with | between those that are read together."""
    yield from LISTED.split(" ")
    random = Random(20261130)
    for _ in range(number):
        yield "".join(random.choices("oda|", (5, 2, 2, 1), k=random.randint(5, 12))).strip("|")


def one_by_one(letters: str, *, replaces: bool) -> str:
    """Return what becomes of each opening event: cancelled, completed, paused, - for nothing."""
    signs: list[str] = []
    for letter in letters.replace("|", ""):
        open_at = signs.index("p") if "p" in signs else None
        if letter != "o":
            if open_at is not None:
                signs[open_at] = "x" if letter == "d" else "c"
            continue
        if open_at is not None and replaces:
            signs[open_at] = "x"
        signs.append("-" if open_at is not None and not replaces else "p")
    return "".join(signs)


CASES = list(dict.fromkeys(some_cases(60)))
TWICE = ("o|aco", "o|cao", "oaco", "ocao", "o|c|ao")
"""Where an answer is not enough: the first has ended, whether a busy key ignores or replaces."""
SIGNS = {"cancelled": "x", "completed": "c", "paused": "p"}


def publish(world: World, id: str, letter: str, number: int) -> None:
    world.producer.produce(
        world.events_topic,
        json.dumps({"id": id}),
        partition=0,
        headers={"ce_type": TYPES[letter], "event-id": f"{id}-{number}"},
        timestamp=1_790_000_000_000 + number,
    )


def course(world: World, workflow: str, id: str, letters: str) -> str:
    """Return what the execution of each opening event has come to."""
    found = world.query(
        "select metadata -> 'event' ->> 'id' as event, status from workflow_executions "
        "where trigger_payload ->> 'id' = %s and workflow_name = %s",
        id,
        workflow,
    )
    signs = {row["event"]: SIGNS[row["status"]] for row in found}
    opened = [number for number, letter in enumerate(letters) if letter == "o"]
    return "".join(signs.get(f"{id}-{number}", "-") for number in opened)


# S6 S19 S47 S126
def test_events_of_one_batch_count_in_their_order(stack: EmbeddedStack, tmp_path: Path) -> None:
    ids = {case: uuid4().hex for case in (*CASES, *TWICE)}
    with a_world(stack, tmp_path, DEFINITIONS) as world:
        published, most = 0, max(case.count("|") + 1 for case in ids)
        for batch in range(most):
            for case, id in ids.items():
                parts = case.split("|")
                already = sum(map(len, parts[:batch]))
                for place, letter in enumerate("".join(parts[batch : batch + 1])):
                    publish(world, id, letter, already + place)
                    published += 1
            world.producer.flush(10)
            # All are on the topic before there is anybody to read them: one batch.
            world.start_worker()
            read = "(select count(*) from events where type like 'letter.%%')"
            world.until(f"select 1 as x where {read} = %s", published)
            world.stop_workers()

        def found(case: str, *workflows: str) -> list[str]:
            return [course(world, name, ids[case], case.replace("|", "")) for name in workflows]

        for name, replaces, cases in (
            ("ignored", False, CASES),
            ("replaced", True, CASES),
            # What its record holds back until the end of the batch may be cancelled meanwhile.
            ("noted", False, LISTED.split(" ")),
        ):
            expected = {case: one_by_one(case, replaces=replaces) for case in cases}
            assert {case: found(case, name)[0] for case in cases} == expected, name
        assert {case: found(case, "twice", "twice-replaced") for case in TWICE} == {
            case: ["cp", "cp"] for case in TWICE
        }
