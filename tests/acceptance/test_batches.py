"""Events that are read at once come to the same as events that are read one by one."""

import json
from pathlib import Path
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
NOTED = 'id: noted\n    execute: [{create_record: {entity: letter, id: "${event.meta.id}"}}]'
DEFINITIONS = {
    "ignored.yaml": LETTER.format(name="ignored", busy="ignore", first=""),
    "noted.yaml": LETTER.format(name="noted", busy="ignore", first=f"- {NOTED}"),
    "replaced.yaml": LETTER.format(name="replaced", busy="replace", first=""),
}
"""`noted` writes a record before it waits: a step that needs the database in the transaction."""
NAMES = [name.removesuffix(".yaml") for name in DEFINITIONS]
TYPES = {"o": "letter.opened", "d": "letter.dropped", "a": "letter.answered"}
CASES = {
    "odo": ("xp", "xp"),
    "oao": ("cp", "cp"),
    "ood": ("x-", "xx"),
    "do": ("p", "p"),
    "ooao": ("c-p", "xcp"),
    "odoao": ("xcp", "xcp"),
    "oodoo": ("x-p-", "xxxp"),
    "o do": ("xp", "xp"),
    "o od": ("x-", "xx"),
    "o ao": ("cp", "cp"),
    "o aoao": ("ccp", "ccp"),
    "o odoodo": ("x-x-p", "xxxxp"),
    "od o": ("xp", "xp"),
}
"""Events of one key, by letter, a space between two batches. What becomes of each opening one where
a busy key ignores it and where it replaces: cancelled, completed, paused, - for no execution."""
SIGNS = {"cancelled": "x", "completed": "c", "paused": "p"}


def publish(world: World, id: str, letter: str, number: int) -> None:
    world.producer.produce(
        world.events_topic,
        json.dumps({"id": id}),
        partition=0,
        headers={"ce_type": TYPES[letter], "event-id": f"{id}-{number}"},
        # The clocks of producers differ: in one partition the order of the records counts.
        timestamp=1_790_000_000_000 - number,
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
    ids = {case: uuid4().hex for case in CASES}
    with a_world(stack, tmp_path, DEFINITIONS) as world:
        published = 0
        for batch in (0, 1):
            for case, id in ids.items():
                parts = case.split(" ")
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
        found = {
            case: {name: course(world, name, id, case.replace(" ", "")) for name in NAMES}
            for case, id in ids.items()
        }
    assert found == {
        case: {"ignored": ignored, "noted": ignored, "replaced": replaced}
        for case, (ignored, replaced) in CASES.items()
    }
