"""Approvals that several people decide, through the decisions topic: votes, vetoes, stages."""

import json
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import pytest

from tests.acceptance.following import answer, begin, ended, record_of, request_status
from tests.world import PARTITIONS, World

ANA, BO, CY, DAN, EVE = (f"{name}@example.com" for name in ("ana", "bo", "cy", "dan", "eve"))


@pytest.fixture
def id() -> str:
    """A name that nothing else has."""
    return uuid4().hex


def ask(world: World, kind: str, id: str, **data: Any) -> dict[str, Any]:
    """Open the request of a panel."""
    execution = begin(world, f"panel.{kind}", {"id": id, **data})
    return world.waiting(execution_id=execution)


def vote(
    world: World, waiting: Mapping[str, Any], by: str, outcome: str = "approved", **more: Any
) -> tuple[str, str | None]:
    """Vote, and return the result and the code of the receipt."""
    return answer(world, world.decide(waiting, outcome, decided_by=by, **more))


def end_of(world: World, waiting: Mapping[str, Any]) -> dict[str, Any]:
    return ended(world, str(waiting["execution_id"]))


COUNTED, APPLIED = ("counted", None), ("applied", None)
REFUSED = ("refused", "not_allowed")
FORM: dict[str, Any] = {"form": {"limit": 50}}


# S105 D21
def test_two_of_a_role_must_agree_and_each_person_counts_once(world: World, id: str) -> None:
    waiting = ask(world, "two", id)
    assert waiting["policy"] == {"n_of": 2}
    assert vote(world, waiting, ANA, form={"limit": 50, "note": "a"}) == COUNTED
    shown = world.waiting(wait_id=waiting["wait_id"], have=1)
    assert (shown["needed"], [one["by"] for one in shown["votes"]]) == (2, [ANA])
    assert vote(world, waiting, ANA, **FORM) == REFUSED
    assert request_status(world, waiting["wait_id"]) == "pending"
    assert vote(world, waiting, BO, form={"limit": 70}) == APPLIED
    kept = record_of(world, "panel", id)
    assert (kept["outcome"], kept["by"]) == ("approved", BO)
    assert kept["form"] == {"limit": 70, "note": "a"}
    assert [(one["by"], one["outcome"]) for one in kept["votes"]] == [
        (ANA, "approved"),
        (BO, "approved"),
    ]
    rows = world.query(
        "select decided_by, outcome, form from approval_votes where execution_id = %s "
        "order by voted_at",
        str(waiting["execution_id"]).removeprefix("exec_"),
    )
    assert [(row["decided_by"], row["form"]["limit"]) for row in rows] == [(ANA, 50), (BO, 70)]


# S207 S218
@pytest.mark.parametrize(
    ("by", "more", "code"),
    [
        (EVE, FORM, "self_approval"),
        (DAN, FORM, "not_allowed"),
        (ANA, {}, "invalid_form"),
        (ANA, {"form": {"limit": 101}}, "invalid_form"),
        (ANA, {"form": {"limit": 5}, "outcome": "perhaps"}, "invalid_outcome"),
        (ANA, {**FORM, "on_behalf_of": BO}, "not_allowed"),
    ],
)
def test_a_vote_that_does_not_fit_is_refused_and_not_counted(
    world: World, id: str, by: str, more: dict[str, Any], code: str
) -> None:
    waiting = ask(world, "two", id, requested_by=EVE, author=DAN)
    assert vote(world, waiting, BO, **FORM) == COUNTED
    assert vote(world, waiting, by, **more) == ("refused", code)
    votes = "select 1 as x from approval_votes where execution_id = %s"
    assert len(world.query(votes, str(waiting["execution_id"]).removeprefix("exec_"))) == 1


# S140 S208 S111
def test_two_rejections_reject_and_take_their_branch(world: World, id: str) -> None:
    waiting = ask(world, "two", id)
    assert vote(world, waiting, ANA, "rejected") == COUNTED
    assert vote(world, waiting, BO, **FORM) == COUNTED
    assert vote(world, waiting, CY, "reject", reason="too dear") == APPLIED
    assert record_of(world, "panel", id) == {"outcome": "rejected", "why": "too dear"}
    row = end_of(world, waiting)
    assert (row["status"], row["error_code"]) == ("blocked", "refused")
    assert request_status(world, waiting["wait_id"]) == "rejected"


def test_one_veto_is_enough(world: World, id: str) -> None:
    waiting = ask(world, "veto", id)
    assert vote(world, waiting, ANA) == COUNTED
    assert vote(world, waiting, BO, "rejected", reason="never") == APPLIED
    row = end_of(world, waiting)
    assert (row["status"], row["error_code"], row["error_message"]) == (
        "blocked",
        "rejected",
        "never",
    )


def test_all_who_are_named_must_agree_and_a_role_by_somebody_else(world: World, id: str) -> None:
    waiting = ask(world, "all", id)
    assert vote(world, waiting, BO) == COUNTED
    assert vote(world, waiting, CY) == COUNTED
    assert vote(world, waiting, DAN) == REFUSED
    shown = world.waiting(wait_id=waiting["wait_id"], have=2)
    assert shown["open_to"] == {"roles": [], "users": [ANA], "anyone": False}
    assert vote(world, waiting, ANA) == APPLIED
    assert end_of(world, waiting)["status"] == "completed"


def test_a_rejection_by_one_of_all_ends_what_cannot_be_had_any_more(world: World, id: str) -> None:
    waiting = ask(world, "all", id)
    assert vote(world, waiting, ANA) == COUNTED
    first = vote(world, waiting, BO, "rejected")
    assert first == APPLIED
    assert end_of(world, waiting)["status"] == "blocked"


def test_a_share_of_the_listed_people_decides(world: World, id: str) -> None:
    waiting = ask(world, "percent", id)
    assert vote(world, waiting, DAN) == REFUSED
    assert vote(world, waiting, CY) == COUNTED
    assert vote(world, waiting, ANA) == APPLIED
    assert end_of(world, waiting)["status"] == "completed"


def test_stages_are_asked_one_after_another_each_by_other_people(world: World, id: str) -> None:
    waiting = ask(world, "sequence", id, boss=EVE)
    stages = waiting["policy"]["sequence"]
    assert [stage["title"] for stage in stages] == ["Team", "House"]
    # Whose turn it is stands where every inbox looks.
    told = [(waiting["title"], waiting["roles"], waiting["users"])]
    assert vote(world, waiting, ANA) == COUNTED
    shown = world.waiting(wait_id=waiting["wait_id"], stage=1)
    told.append((shown["title"], shown["roles"], shown["users"]))
    assert told == [(stage["title"], stage["roles"], stage["users"]) for stage in stages]
    assert shown["request_hash"] != waiting["request_hash"]
    request = "select roles, users from approval_requests where request_id = %s"
    [row] = world.query(request, waiting["wait_id"])
    assert (row["roles"], row["users"]) == told[1][1:]
    assert (shown["open_to"]["users"], shown["needed"], shown["have"]) == ([EVE, DAN], 2, 0)
    assert vote(world, waiting, ANA) == REFUSED
    assert vote(world, waiting, BO) == REFUSED
    assert vote(world, waiting, DAN) == COUNTED
    assert vote(world, waiting, EVE) == APPLIED
    assert end_of(world, waiting)["status"] == "completed"
    stage = "select stage from approval_votes where execution_id = %s order by voted_at"
    rows = world.query(stage, str(waiting["execution_id"]).removeprefix("exec_"))
    assert [row["stage"] for row in rows] == [0, 1, 1]


def test_a_stage_that_rejects_ends_the_sequence(world: World, id: str) -> None:
    waiting = ask(world, "sequence", id, boss=EVE)
    assert vote(world, waiting, ANA, "rejected") == APPLIED
    assert end_of(world, waiting)["status"] == "blocked"


@pytest.mark.parametrize(
    ("outcome", "status", "code"),
    [("ship", "completed", None), ("rework", "completed", None), ("scrap", "blocked", "scrapped")],
)
def test_the_first_own_outcome_with_enough_votes_takes_its_branch(
    world: World, id: str, outcome: str, status: str, code: str | None
) -> None:
    waiting = ask(world, "outcomes", id)
    other = "ship" if outcome == "scrap" else "scrap"
    assert vote(world, waiting, ANA, outcome) == COUNTED
    assert vote(world, waiting, BO, other) == COUNTED
    assert vote(world, waiting, CY, outcome, reason="so it is") == APPLIED
    row = end_of(world, waiting)
    assert (row["status"], row["error_code"]) == (status, code)
    assert row["resume_data"]["outcome"] == outcome
    assert bool(world.query("select 1 as x from records where entity_id = %s", id)) == (
        outcome == "rework"
    )


# S141 S111
def test_votes_that_do_not_suffice_in_time_expire_and_are_kept(world: World, id: str) -> None:
    waiting = ask(world, "expiring", id)
    assert vote(world, waiting, ANA) == COUNTED
    kept = record_of(world, "expired", id)
    assert kept["outcome"] == "expired"
    assert [one["by"] for one in kept["votes"]] == [ANA]
    assert vote(world, waiting, BO) == ("refused", "expired")
    assert request_status(world, waiting["wait_id"]) == "expired"
    assert end_of(world, waiting)["status"] == "completed"


def bring_forward(world: World, kind: str, waiting: Mapping[str, Any]) -> None:
    """Let the hour come at which a timer of a request is due."""
    sql = "update timers set due_at = now() where kind = %s and wait_id = %s returning id"
    assert len(world.query(sql, kind, waiting["wait_id"])) == 1


# S209
def test_a_request_is_announced_again_at_each_reminder_and_to_more_people_when_it_escalates(
    world: World, id: str
) -> None:
    execution = begin(world, "nudged.asked", {"id": id})
    waiting = world.waiting(execution_id=execution)
    boss = "boss@example.com"
    assert vote(world, waiting, boss) == REFUSED
    for number in (1, 2):
        bring_forward(world, "reminder", waiting)
        shown = world.waiting(wait_id=waiting["wait_id"], reminders=number)
        assert shown["users"] == [ANA]
    bring_forward(world, "escalation", waiting)
    shown = world.waiting(wait_id=waiting["wait_id"], escalated=True)
    assert (shown["users"], shown["roles"]) == ([ANA, boss], ["director"])
    assert shown["request_hash"] == waiting["request_hash"]
    row = world.query(
        "select users, roles from approval_requests where request_id = %s", waiting["wait_id"]
    )
    assert row == [{"users": [ANA, boss], "roles": ["director"]}]
    assert vote(world, waiting, boss) == APPLIED
    assert ended(world, execution)["status"] == "completed"
    timers = "select 1 as x from timers where execution_id = %s"
    assert world.query(timers, execution.removeprefix("exec_")) == []


def decide_at_once(world: World, waitings: list[dict[str, Any]], people: list[str]) -> list[str]:
    """Send everybody's decision on everything over all partitions; return the decision ids."""
    ids = []
    for number, waiting in enumerate(waitings):
        for place, by in enumerate(people):
            decision = {
                "decision_id": uuid4().hex,
                "execution_id": waiting["execution_id"],
                "request_id": waiting["wait_id"],
                "outcome": "approved",
                "decided_by": by,
                **FORM,
            }
            ids.append(decision["decision_id"])
            partition = (number + place) % PARTITIONS
            world.producer.produce(
                world.topic("decisions"), json.dumps(decision), partition=partition
            )
    world.producer.flush(10)
    return ids


# S19 S106 S193
def test_votes_of_two_people_at_once_are_applied_one_after_another(world: World, id: str) -> None:
    waitings = [ask(world, "two", f"{id}{n}") for n in range(8)]
    found = [answer(world, one) for one in decide_at_once(world, waitings, [ANA, BO])]
    pairs = [sorted(found[n : n + 2]) for n in range(0, len(found), 2)]
    assert pairs == [[APPLIED, COUNTED]] * len(waitings)
    for n in range(len(waitings)):
        assert len(record_of(world, "panel", f"{id}{n}")["votes"]) == 2


# S19 S106 S193
def test_of_four_decisions_at_once_exactly_one_is_applied(world: World, id: str) -> None:
    waitings = []
    for n in range(8):
        execution = begin(world, "two_asks.asked", {"id": f"{id}{n}"})
        waitings.append(world.waiting(execution_id=execution))
    found = [answer(world, one) for one in decide_at_once(world, waitings, [ANA, BO, CY, DAN])]
    late = ("refused", "already_decided")
    for n in range(0, len(found), 4):
        assert sorted(found[n : n + 4]) == [APPLIED, late, late, late]
    for n in range(len(waitings)):
        sql = "select version from records where entity_type = 'between' and entity_id = %s"
        assert world.until(sql, f"{id}{n}") == [{"version": 1}]


# S206 S5 S96
def test_a_request_stands_in_the_database_with_its_execution_or_not_at_all(
    world: World, id: str
) -> None:
    execution = begin(world, "two_asks.asked", {"id": id})
    waiting = world.waiting(execution_id=execution)
    (row,) = world.query(
        """
        select e.xmin::text as execution, w.xmin::text as wait, a.xmin::text as approval,
            s.xmin::text as step, v.xmin::text as event
        from workflow_executions e
        join waits w on w.execution_id = e.id
        join approval_requests a on a.execution_id = e.id
        join step_executions s on s.execution_id = e.id
        join events v on v.event_id = e.metadata->'event'->>'id'
        where e.execution_id = %s
        """,
        execution,
    )
    assert len(set(row.values())) == 1
    assert waiting["status"] == "open"


# S107 S108 S113 S160
def test_a_decision_and_what_follows_from_it_are_written_in_one_transaction(
    world: World, id: str
) -> None:
    execution = begin(world, "two_asks.asked", {"id": id})
    first = world.waiting(title=f"First {id}")
    before = "select next_step_id from workflow_executions where execution_id = %s"
    assert world.query(before, execution) == [{"next_step_id": "first"}]
    decision = world.decide(first)
    second = world.waiting(title=f"Second {id}")
    (row,) = world.query(
        """
        select e.next_step_id, e.xmin::text as execution, d.xmin::text as decision,
            closed.xmin::text as closed, opened.xmin::text as opened, r.xmin::text as record
        from workflow_executions e
        join decisions d on d.execution_id = e.id
        join waits closed on closed.wait_id = %s
        join waits opened on opened.wait_id = %s
        join records r on r.entity_type = 'between' and r.entity_id = %s
        where e.execution_id = %s and d.decision_id = %s
        """,
        first["wait_id"],
        second["wait_id"],
        id,
        execution,
        decision,
    )
    assert row.pop("next_step_id") == "second"
    assert len(set(row.values())) == 1
