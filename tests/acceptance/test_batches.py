"""Events that are read at once come to the same as events that are read one by one."""

import json
from pathlib import Path
from uuid import uuid4

from devstack.stack import EmbeddedStack
from tests.world import World, a_world

LETTER = """
name: letter
trigger:
  event: letter.opened
  key: "${id}"
  on_busy: ignore
  cancel_on: { event: letter.dropped, match: { id: "${id}" } }
steps:
  - id: answer
    wait: { event: letter.answered, match: { id: "${id}" }, timeout: 1h }
"""
TYPES = {"o": "letter.opened", "d": "letter.dropped", "a": "letter.answered"}
CASES = {
    "odo": ["cancelled", "paused"],
    "oao": ["completed", "paused"],
    "ood": ["cancelled", "-"],
    "do": ["paused"],
    "odoao": ["cancelled", "completed", "paused"],
    "oodoo": ["cancelled", "-", "paused", "-"],
    "o do": ["cancelled", "paused"],
    "o od": ["cancelled", "-"],
    "o ao": ["completed", "paused"],
    "o odoodo": ["cancelled", "-", "cancelled", "-", "paused"],
    "od o": ["cancelled", "paused"],
}
"""Events of one key, by letter, a space between two batches; what becomes of each opening one."""


def publish(world: World, id: str, letter: str, number: int) -> None:
    world.producer.produce(
        world.events_topic,
        json.dumps({"id": id}),
        partition=0,
        headers={"ce_type": TYPES[letter], "event-id": f"{id}-{number}"},
        # The clocks of producers differ: in one partition the order of the records counts.
        timestamp=1_790_000_000_000 - number,
    )


def statuses(world: World, id: str, letters: str) -> list[str]:
    """Return what the execution of each opening event has come to, `-` where it started none."""
    found = world.query(
        "select metadata -> 'event' ->> 'id' as event, status from workflow_executions "
        "where trigger_payload ->> 'id' = %s",
        id,
    )
    status = {row["event"]: row["status"] for row in found}
    opened = [number for number, letter in enumerate(letters) if letter == "o"]
    return [status.get(f"{id}-{number}", "-") for number in opened]


# S6 S19 S47 S126
def test_events_of_one_batch_count_in_their_order(stack: EmbeddedStack, tmp_path: Path) -> None:
    ids = {case: uuid4().hex for case in CASES}
    with a_world(stack, tmp_path, {"letter.yaml": LETTER}) as world:
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
            world.until("select 1 as x where (select count(*) from events) = %s", published)
            world.stop_workers()
        found = {case: statuses(world, id, case.replace(" ", "")) for case, id in ids.items()}
    assert found == CASES
