"""Decisions that do not fit: answered with their code, and without any effect."""

import random
from uuid import uuid4

from tests.chaos.figures import figure, scaled
from tests.chaos.load import (
    Request,
    begin,
    count,
    queue_command,
    queue_decision,
    reach,
    register,
)
from tests.world import World

DEFINITION = """
name: {name}
trigger: {{ event: {name}.asked }}
steps:
  - id: ask
    approval: {{ title: "${{n}}", roles: [any]{more} }}
  - id: counted
    execute: [{{ update_record: {{ entity: {name}, id: "${{n}}", set: {{ n: "${{n}}" }} }} }}]
"""


def answers(world: World, decisions: list[str]) -> dict[str, int]:
    """Return how many of these decisions were answered by which code, once all are."""
    known = f"decision_id in ({', '.join(repr(id) for id in decisions)})"
    reach(world, len(decisions), "decisions", f"result is not null and {known}")
    rows = world.query(
        f"select coalesce(code, result) as answer, count(*) as n from decisions where {known}"
        " group by 1"
    )
    return {row["answer"]: row["n"] for row in rows}


# F4
def test_a_decision_that_comes_twice_resumes_once(steady: World) -> None:
    register(steady, repeated=DEFINITION.format(name="repeated", more=""))
    pairs, chance = scaled(10_000, 200), random.Random(4)
    same, again = [], []
    for n, request in enumerate(begin(steady, "repeated", pairs).values()):
        first = queue_decision(steady, request)
        if n % 10 == 0:
            queue_decision(steady, request, decision_id=first["decision_id"])
            same.append(first["decision_id"])
        if n % 10 == 5:
            outcome = chance.choice(("approved", "rejected"))
            again.append(queue_decision(steady, request, outcome)["decision_id"])
    steady.producer.flush(30)
    reach(steady, pairs, "records", "entity_type = 'repeated'")
    assert answers(steady, again) == {"already_decided": len(again)}
    twice = "code = 'duplicate' and decision_id = any(%s)"
    steady.until(
        f"select 1 where (select count(*) from decisions where {twice}) = %s", same, len(same)
    )
    extra = count(steady, "records", "entity_type = 'repeated' and version <> 1")
    assert extra == 0
    told = steady.query(
        "select count(*) as n from decisions where decision_id = any(%s) and message like %s",
        again,
        "%approved%",
    )
    assert told == [{"n": len(again)}]
    figure(
        "F4", pairs=pairs, same_id_twice=len(same), same_request_twice=len(again), extra_resumes=0
    )


# F6
def test_a_decision_about_what_is_over_or_unknown_changes_nothing(steady: World) -> None:
    register(
        steady,
        over=DEFINITION.format(name="over", more=""),
        lapsed=DEFINITION.format(name="lapsed", more=", expires_in: 1s"),
    )
    number = scaled(1_000)
    begin(steady, "lapsed", number)
    requests = list(begin(steady, "over", 2 * number).values())
    finished, cancelled = requests[:number], requests[number:]
    for request in finished:
        queue_decision(steady, request)
    for request in cancelled:
        queue_command(steady, "cancel", request.execution_id)
    steady.producer.flush(30)
    ended = "workflow_name in ('over', 'lapsed') and completed_at is not null"
    reach(steady, 3 * number, "workflow_executions", ended)
    moves = f"select sum(sequence) as n from workflow_executions where {ended}"
    before = steady.query(moves)
    expired = requests_over(steady, "lapsed")
    unknown = [Request(f"exec_{uuid4().hex}", f"w_{uuid4().hex}") for _ in range(number)]
    asked = {
        "already_decided": finished,
        "cancelled": cancelled,
        "expired": expired,
        "unknown": unknown,
    }
    for code, group in asked.items():
        sent = [queue_decision(steady, request)["decision_id"] for request in group]
        steady.producer.flush(30)
        assert answers(steady, sent) == {code: number}
    gone = [queue_decision(steady, Request(r.execution_id, ""))["decision_id"] for r in finished]
    steady.producer.flush(30)
    assert answers(steady, gone) == {"execution_finished": number}
    assert steady.query(moves) == before
    figure("F6", decisions=5 * number, right_codes=5 * number, transitions=0)


def requests_over(world: World, workflow: str) -> list[Request]:
    """Return the closed requests of a workflow."""
    rows = world.query(
        "select e.execution_id, a.request_id from approval_requests a"
        " join workflow_executions e on e.id = a.execution_id"
        " where e.workflow_name = %s and a.status <> 'pending'",
        workflow,
    )
    return [Request(row["execution_id"], row["request_id"]) for row in rows]
