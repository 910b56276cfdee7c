"""What people do with an open request beside deciding it, by the decisions topic."""

import json
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from tests.acceptance.following import answer
from tests.world import World


def say(world: World, waiting: Mapping[str, Any], kind: str, by: str, **more: Any) -> str:
    """Send a note about a request; return its id."""
    value = {
        "decision_id": uuid4().hex,
        "kind": kind,
        "execution_id": waiting["execution_id"],
        "request_id": waiting["wait_id"],
        "decided_by": by,
        **more,
    }
    world.produce(world.topic("decisions"), json.dumps(value), key=str(waiting["execution_id"]))
    return str(value["decision_id"])


def delegate(world: World, user: str, to: str, **more: Any) -> str:
    value = {"decision_id": uuid4().hex, "kind": "delegate", "decided_by": user, "to": to, **more}
    world.produce(world.topic("decisions"), json.dumps(value), key=user)
    return str(value["decision_id"])


def ask(world: World) -> dict[str, Any]:
    """Open a payment that two of three named users must approve."""
    id = uuid4().hex
    world.publish("payment.asked", {"id": id, "by": "eve@example.com"})
    return world.waiting(title=f"Payment {id}")


def sees_dead_letter(world: World, id: str) -> None:
    topic = world.topic("dead-letters")
    world.wait_for(lambda r: r.topic == topic and id.encode() in (r.raw or b""))


# D21
def test_two_votes_are_counted_and_the_second_decides(world: World) -> None:
    waiting = ask(world)
    first = world.decide(waiting, decided_by="ana@example.com")
    assert answer(world, first) == ("counted", None)
    again = world.decide(waiting, decided_by="ana@example.com")
    assert answer(world, again) == ("refused", "not_allowed")
    second = world.decide(waiting, decided_by="bo@example.com")
    assert answer(world, second) == ("applied", None)
    world.life_cycle(str(waiting["execution_id"]), "execution.completed")
    votes = world.query(
        "select decided_by, outcome from approval_votes where execution_id = %s order by voted_at",
        str(waiting["execution_id"]).removeprefix("exec_"),
    )
    assert [row["decided_by"] for row in votes] == ["ana@example.com", "bo@example.com"]


# D21
def test_a_delegate_votes_for_the_one_who_let_them_and_for_nobody_else(world: World) -> None:
    waiting = ask(world)
    user, stand_in = "cleo@example.com", f"{uuid4().hex}@example.com"
    early = world.decide(waiting, decided_by=stand_in, on_behalf_of=user)
    assert answer(world, early) == ("refused", "not_allowed")
    assert answer(world, delegate(world, user, stand_in)) == ("applied", None)
    vote = world.decide(waiting, decided_by=stand_in, on_behalf_of=user)
    assert answer(world, vote) == ("counted", None)
    other = world.decide(waiting, decided_by=stand_in, on_behalf_of="bo@example.com")
    assert answer(world, other)[0] == "refused"
    twice = world.decide(waiting, decided_by=user)
    assert answer(world, twice) == ("refused", "not_allowed")


def test_a_delegation_holds_for_its_period_only(world: World) -> None:
    waiting = ask(world)
    user, stand_in = "cleo@example.com", f"{uuid4().hex}@example.com"
    past = {"from": "2020-01-01T00:00:00Z", "until": "2020-02-01T00:00:00Z"}
    assert answer(world, delegate(world, user, stand_in, **past)) == ("applied", None)
    vote = world.decide(waiting, decided_by=stand_in, on_behalf_of=user)
    assert answer(world, vote) == ("refused", "not_allowed")
    assert "does not hold at this time" in world.receipt(vote)["message"]


def test_a_claim_is_shown_to_all_and_is_refused_to_the_next(world: World) -> None:
    waiting = ask(world)
    assert answer(world, say(world, waiting, "claim", "ana@example.com")) == ("applied", None)
    shown = world.waiting(wait_id=waiting["wait_id"], claimed_by="ana@example.com")
    assert shown["title"] == waiting["title"]
    taken = say(world, waiting, "claim", "bo@example.com")
    assert answer(world, taken) == ("refused", "not_allowed")
    stranger = say(world, waiting, "claim", "zoe@example.com")
    assert answer(world, stranger) == ("refused", "not_allowed")


def test_a_reassigned_request_is_decided_by_the_new_people_only(world: World) -> None:
    waiting = ask(world)
    handed = say(
        world, waiting, "reassign", "ana@example.com", to=["dan@example.com", "bo@example.com"]
    )
    assert answer(world, handed) == ("applied", None)
    old = world.decide(waiting, decided_by="ana@example.com")
    assert answer(world, old) == ("refused", "not_allowed")
    assert answer(world, world.decide(waiting, decided_by="dan@example.com"))[0] == "counted"
    assert answer(world, world.decide(waiting, decided_by="bo@example.com"))[0] == "applied"


def test_a_request_is_not_left_to_people_who_cannot_approve_it(world: World) -> None:
    waiting = ask(world)
    alone = say(world, waiting, "reassign", "ana@example.com", to=["dan@example.com"])
    assert answer(world, alone) == ("refused", "not_allowed")
    for user, result in (("ana@example.com", "counted"), ("bo@example.com", "applied")):
        assert answer(world, world.decide(waiting, decided_by=user))[0] == result


def test_a_comment_is_kept_while_the_request_is_open_and_after(world: World) -> None:
    waiting = ask(world)
    first = say(world, waiting, "comment", "zoe@example.com", reason="looks dear")
    assert answer(world, first) == ("applied", None)
    world.waiting(wait_id=waiting["wait_id"], comments=1)
    for user in ("ana@example.com", "bo@example.com"):
        world.receipt(world.decide(waiting, decided_by=user))
    second = say(world, waiting, "comment", "zoe@example.com", text="well")
    assert answer(world, second) == ("applied", None)
    rows = world.query(
        "select comment from approval_comments where decision_id = any(%s) order by id",
        [first, second],
    )
    assert [row["comment"] for row in rows] == ["looks dear", "well"]


def test_a_note_that_lacks_what_it_needs_is_malformed(world: World) -> None:
    waiting = ask(world)
    for kind in ("comment", "dance"):
        sees_dead_letter(world, say(world, waiting, kind, "ana@example.com"))
    to_nobody = say(world, waiting, "reassign", "ana@example.com")
    assert answer(world, to_nobody) == ("refused", "invalid_form")


def test_a_claim_of_a_request_that_cannot_be_is_refused(world: World) -> None:
    nothing = {"execution_id": "exec_01a20d5f4f4479a8ba57e13a51ea2c38", "wait_id": "nonsense"}
    id = say(world, nothing, "claim", "ana@example.com")
    assert answer(world, id) == ("refused", "unknown")


# S108
def test_the_fields_of_a_form_stand_in_the_order_of_the_definition(world: World) -> None:
    id = uuid4().hex
    world.publish("ordered.asked", {"id": id})
    waiting = world.waiting(title=f"In order {id}")
    assert list(waiting["form"]) == ["zone", "a", "amount_in_cents", "b"]
    [row] = world.query("select body from workflows where name = 'ordered'")
    assert list(row["body"]) == ["name", "trigger", "steps"]
