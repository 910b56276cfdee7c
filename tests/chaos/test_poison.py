"""Records that cannot be processed, among many that can: only they are kept out."""

import json

from bench.usage import resident_mb
from tests.chaos.figures import figure, scaled
from tests.chaos.load import count, queue_event, reach
from tests.world import World

TYPE = {"ce_type": "plain.asked", "ce_specversion": "1.0", "ce_source": "/poison"}
POISONS = (
    b'{"n": \xff',
    b'{"n": "\\u0000"}',
    b"{",
    b"[1, 2]",
    b'{"n": 1e400}',
    b'{"n":' * 40 + b"1" + b"}" * 40,
    b'{"n": "' + b"x" * 140_000 + b'"}',
    b'{"n": NaN}',
    b'"text"',
    b"\x1f\x8b\x08\x00",
)
CAP = 256 * 1024


def good(world: World) -> int:
    """Return how many events were processed so far."""
    return count(world, "records", "entity_type = 'plain'")


def queue_poison(world: World, value: bytes, id: str) -> None:
    """Hand a record that cannot be processed to the producer."""
    world.producer.produce(
        world.events_topic, value, id, headers=list({**TYPE, "ce_id": id}.items())
    )
    world.producer.poll(0)


# F18
def test_one_poisonous_record_in_a_hundred_keeps_out_no_other(steady: World) -> None:
    number, before, bad = scaled(100_000, 2_000), good(steady), 0
    letters = count(steady, "dead_letters")
    for n in range(number):
        if n % 100 == 50:
            queue_poison(steady, POISONS[bad % len(POISONS)], f"poison{n}")
            bad += 1
        else:
            queue_event(steady, "plain.asked", {"n": f"clean{n}"}, id=f"clean{n}")
    steady.producer.flush(60)
    reach(steady, before + number - bad, "records", "entity_type = 'plain'", seconds=300)
    reach(steady, letters + bad, "dead_letters")
    kinds = steady.query(
        "select count(distinct record_key) as n from dead_letters where record_key like %s",
        b"poison%",
    )
    assert kinds == [{"n": bad}]
    figure("F18", records=number, poison=bad, in_the_dead_letters=bad, good_lost=0)


# F17
def test_huge_payloads_neither_fill_the_memory_nor_hold_up_others(steady: World) -> None:
    huge, before = scaled(1_000, 60), good(steady)
    letters = count(steady, "dead_letters", "error_type = 'too_large'")
    workers = [worker.pid for worker in steady.workers]
    resident = resident_mb(workers)
    most = 0.0
    for n in range(huge):
        value = json.dumps({"n": "x" * min(CAP + 2**n, 900_000)}) if n < 20 else "x" * 900_000
        queue_poison(steady, value.encode(), f"huge{n}")
        queue_event(steady, "plain.asked", {"n": f"beside{n}"}, id=f"beside{n}")
        if n % 10 == 9:
            steady.producer.flush(30)
            most = max(most, resident_mb(workers))
    steady.producer.flush(30)
    reach(steady, before + huge, "records", "entity_type = 'plain'")
    reach(steady, letters + huge, "dead_letters", "error_type = 'too_large'")
    grown = max(most, resident_mb(workers)) - resident
    figure(
        "F17",
        payloads_beyond_the_bound=huge,
        refused=huge,
        others_processed=huge,
        grown_mb_per_worker=round(grown / len(workers), 1),
    )
