"""Events in another order than they happened, and branches that end at the same time."""

import random
import time
from uuid import uuid4

from tests.chaos.figures import figure, scaled
from tests.chaos.load import count, queue_decision, queue_event, reach, register, requests_of
from tests.world import World

PARCEL = """
name: parcel
trigger: { event: parcel.opened }
steps:
  - id: weighed
    wait: { event: parcel.weighed, match: { n: "${n}" } }
  - id: both
    parallel:
      branches:
        seal: [{ id: sealed, wait: { event: parcel.sealed, match: { n: "${n}" } } }]
        paid: [{ id: paid, wait: { event: parcel.paid, match: { n: "${n}" } } }]
  - id: kept
    execute: [{ update_record: { entity: parcel, id: "${n}", set: { n: "${n}" } } }]
"""
WHAT_HAPPENS = ("opened", "weighed", "sealed", "paid")
JOINED = """
name: joined-{name}
trigger: {{ event: joined.{name} }}
steps:
  - id: spread
    parallel:
      strategy: {strategy}
      branches:
        event: [{{ id: news, wait: {{ event: joined.news, match: {{ n: "${{n}}" }} }} }}]
        person: [{{ id: ask, approval: {{ title: "${{n}}", roles: [any] }} }}]
        time: [{{ id: nap, wait: {{ for: 2s }} }}]
        fails: [{{ id: vain, wait: {{ event: joined.never, timeout: 2s }} }}]
  - id: end
    execute: [{{ update_record: {{ entity: joined, id: "${{n}}", set: {{ n: "${{n}}" }} }} }}]
"""
STRATEGIES = {
    "all": "all",
    "any": "any",
    "race": "race",
    "some": "{ n_of: 2 }",
    "settled": "all_settled",
}


# F9
def test_histories_end_alike_in_whatever_order_their_events_come(steady: World) -> None:
    register(steady, parcel=PARCEL)
    number, chance = scaled(5_000, 200), random.Random(9)
    begun = round(time.time() * 1000)
    events = []
    incomplete = 0
    for n in range(number):
        happened = list(WHAT_HAPPENS)
        if n % 10 == 0:
            happened.remove(chance.choice(WHAT_HAPPENS[1:]))
            incomplete += 1
        events += [(what, n, begun + order) for order, what in enumerate(happened)]
    chance.shuffle(events)
    for what, n, at in events:
        queue_event(
            steady,
            f"parcel.{what}",
            {"n": n},
            id=f"{what}{n}",
            partition=chance.randrange(4),
            timestamp=at,
        )
    steady.producer.flush(30)
    mine = "workflow_name = 'parcel'"
    reach(steady, number - incomplete, "workflow_executions", f"{mine} and status = 'completed'")
    reach(steady, incomplete, "workflow_executions", f"{mine} and status = 'paused'")
    completed = "(trigger_payload->>'n')::integer %% 10 = 0 and status = 'completed'"
    divergent = count(steady, "workflow_executions", f"{mine} and {completed}")
    assert divergent == 0
    assert count(steady, "records", "entity_type = 'parcel' and version <> 1") == 0
    figure("F9", histories=number, events=len(events), divergent=divergent)


# F27
def test_a_join_is_decided_once_when_its_branches_end_at_the_same_time(steady: World) -> None:
    register(
        steady,
        **{f"joined-{n}": JOINED.format(name=n, strategy=s) for n, s in STRATEGIES.items()},
    )
    number, chance = scaled(1_000, 20), random.Random(27)
    for name in STRATEGIES:
        for n in range(number):
            queue_event(steady, f"joined.{name}", {"n": f"{name}{n}"}, id=uuid4().hex)
    steady.producer.flush(30)
    mine = "workflow_name like 'joined-%%'"
    reach(steady, number * len(STRATEGIES), "workflow_executions", mine)
    # Their naps and vain waits end meanwhile.
    requests = {
        n: r for name in STRATEGIES for n, r in requests_of(steady, f"joined-{name}").items()
    }
    order = [(n, what) for n in requests for what in ("decision", "event")]
    chance.shuffle(order)
    for name, what in order:
        if what == "decision":
            queue_decision(steady, requests[name])
        else:
            queue_event(steady, "joined.news", {"n": name}, id=uuid4().hex)
    steady.producer.flush(30)
    total = number * len(STRATEGIES)
    reach(steady, total, "workflow_executions", f"{mine} and completed_at is not null")
    twice = steady.query(
        "select count(*) as n from (select 1 from step_executions s"
        " join workflow_executions e on e.id = s.execution_id"
        f" where {mine} and s.step_path in ('spread', 'end') group by e.id, s.step_path"
        " having count(*) > 1) doubled"
    )[0]["n"]
    left_open = count(
        steady,
        "waits w join workflow_executions e on e.id = w.execution_id",
        f"{mine} and w.status = 'open'",
    )
    kept = count(steady, "records", "entity_type = 'joined'")
    completed = count(steady, "workflow_executions", f"{mine} and status = 'completed'")
    again = count(steady, "records", "entity_type = 'joined' and version <> 1")
    assert (twice, left_open, again, kept) == (0, 0, 0, completed)
    figure("F27", joins=total, strategies=len(STRATEGIES), joins_fired_twice=0, went_on=kept)
