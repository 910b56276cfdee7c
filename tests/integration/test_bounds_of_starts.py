"""Bounds of what events and executions lead to, each at its limit and one beyond (security.md)."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from actions.results import Failed, Succeeded
from config.bounds import Bounds
from devstack.stack import EmbeddedStack
from storage.store import json_size
from streams.dispatcher import bounded
from tests.sink import Sink, a_sink
from tests.world import Seen, World, a_world

MANY = """\
name: many-{n:02}
trigger: {{ event: many.asked{when} }}
steps:
  - {{ id: ok, allow: {{}} }}
"""
LOOP = """\
name: loop
trigger: { event: loop.asked, when: { left: { neq: end } } }
steps:
  - id: again
    execute: [{ emit: { event: loop.asked, data: { left: "${left.left}", run: "${run}" } } }]
"""
FAMILY = """\
name: family
trigger: { event: family.asked }
steps:
  - id: each
    for_each:
      in: "${children}"
      as: child
      steps:
        - id: start
          workflow: { name: child, input: { name: "${child}" } }
"""
CHILD = """\
name: child
trigger: { event: child.asked }
steps:
  - { id: ok, allow: {} }
"""
CALL = """\
name: call
trigger: { event: call.asked }
steps:
  - id: ask
    execute: [{ http_request: { url: "${secrets.SINK}/${path}", method: GET } }]
    retry: { max: 0 }
  - id: done
    allow: {}
"""


ASK = """\
name: ask
trigger: { event: ask.asked }
steps:
  - id: approve
    approval: { title: "May ${requested_by}?", roles: [manager] }
  - id: again
    approval: { title: "Really?", roles: [manager] }
"""


def texts() -> dict[str, str]:
    many = {
        f"many-{n:02}.yaml": MANY.format(
            n=n, when="" if n < 50 else ", when: { more: { eq: true } }"
        )
        for n in range(51)
    }
    return {
        **many,
        "loop.yaml": LOOP,
        "family.yaml": FAMILY,
        "child.yaml": CHILD,
        "c.yaml": CALL,
        "ask.yaml": ASK,
    }


@pytest.fixture(scope="module")
def sink() -> Iterator[Sink]:
    with a_sink() as running:
        yield running


@pytest.fixture(scope="module")
def tight(
    stack: EmbeddedStack, sink: Sink, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """A deployment with bounds that a test can reach, but for starts per event."""
    with a_world(stack, tmp_path_factory.mktemp("tight"), texts()) as world:
        world.start_worker(
            SLUICEGATE_MAX_STARTS_PER_ROOT="5",
            SLUICEGATE_MAX_OUTPUT_BYTES="2048",
            SLUICEGATE_MAX_CONTEXT_BYTES="16384",
            SLUICEGATE_MAX_OPEN_APPROVALS="3",
            SLUICEGATE_SECRET_SINK=sink.url,
        )
        yield world


def letters(world: World, event_id: str) -> list[Seen]:
    return world.all_seen(
        lambda r: "dlq-error-type" in r.headers and r.headers.get("ce_id") == event_id.encode()
    )


def test_the_bounds_are_those_of_the_specification() -> None:
    assert Bounds().model_dump() == {
        "max_hops": 16,
        "max_starts_per_event": 50,
        "max_starts_per_root": 1_000,
        "max_output_bytes": 64 * 1024,
        "max_context_bytes": 1024 * 1024,
        "max_open_approvals": 1_000,
    }


# F26
def test_an_event_starts_fifty_and_what_is_one_more_is_a_dead_letter(tight: World) -> None:
    fifty = tight.publish("many.asked", {})
    assert len(tight.started_by(fifty)) == 50
    more = tight.publish("many.asked", {"more": True})
    assert len(tight.started_by(more)) == 50
    tight.wait_for(lambda r: r in letters(tight, more), "the dead letter")
    (letter,) = letters(tight, more)
    assert letter.headers["dlq-error-type"] == b"start_limit"
    assert b"many-50: the event has started 50" in letter.headers["dlq-error-message"]
    assert letters(tight, fifty) == []


def rounds(number: int) -> dict[str, object]:
    """Return a payload that goes round so often: each time a layer less."""
    left: object = "end"
    for _ in range(number):
        left = {"left": left}
    return {"left": left, "run": uuid4().hex}


# F26
def test_a_circle_of_events_ends_at_the_bound_of_its_root_and_not_before(tight: World) -> None:
    five, six = rounds(5), rounds(6)
    tight.publish("loop.asked", five)
    tight.until(
        "select 1 from events where payload->>'run' = %s and payload->>'left' = 'end'", five["run"]
    )
    tight.publish("loop.asked", six)
    letter = tight.wait_for(
        lambda r: "dlq-error-type" in r.headers and r.value.get("run") == six["run"],
        "the dead letter",
    )
    assert letter.headers["dlq-error-type"] == b"root_limit"
    assert letter.value["left"] == {"left": "end"}
    assert not tight.all_seen(
        lambda r: "dlq-error-type" in r.headers and r.value.get("run") == five["run"]
    )
    for run in (five["run"], six["run"]):
        count = "select count(*) as n from workflow_executions where trigger_payload->>'run' = %s"
        assert tight.query(count, run)[0]["n"] == 5


# F26
def test_children_count_towards_the_bound_of_their_root(tight: World) -> None:
    four = ended(tight, tight.publish("family.asked", {"children": [1, 2, 3, 4]}))
    assert four["status"] == "completed"
    five = ended(tight, tight.publish("family.asked", {"children": [1, 2, 3, 4, 5]}))
    assert (five["status"], five["error_code"]) == ("failed", "root_limit")
    assert "SLUICEGATE_MAX_STARTS_PER_ROOT" in str(five["error_message"])


def test_an_output_of_64_kib_is_kept_and_one_byte_more_fails() -> None:
    most = Bounds().max_output_bytes
    kept = Succeeded({"a": "x" * (most - 8)})
    assert json_size(kept.output) == most
    assert bounded(kept, most) is kept
    refused = bounded(Succeeded({"a": "x" * (most - 7)}), most)
    assert isinstance(refused, Failed)
    assert (refused.code, refused.retryable) == ("output_too_large", False)
    assert refused.message.startswith("the output has 65537 bytes of JSON, at most 65536")


def ended(world: World, event_id: str) -> dict[str, object]:
    (id,) = world.started_by(event_id)
    return world.until(
        "select status, error_code, error_message, context from workflow_executions "
        "where execution_id = %s and completed_at is not null",
        id,
    )[0]


def test_an_answer_at_the_bound_is_an_output_and_one_byte_more_fails_its_step(
    tight: World, sink: Sink
) -> None:
    def call(length: int) -> dict[str, object]:
        sink.bodies["/answer"] = b'"' + b"x" * length + b'"'
        return ended(tight, tight.publish("call.asked", {"path": "answer"}))

    first = call(100)
    context = first["context"]
    assert isinstance(context, dict)
    length = 100 + 2_048 - json_size(context["steps"]["ask"]["output"])
    assert call(length)["status"] == "completed"
    refused = call(length + 1)
    assert (refused["status"], refused["error_code"]) == ("failed", "output_too_large")


def test_a_context_at_the_bound_is_kept_and_one_byte_more_fails_the_step(
    tight: World, sink: Sink
) -> None:
    sink.bodies["/small"] = b'"' + b"x" * 1_000 + b'"'

    def call(length: int) -> dict[str, object]:
        return ended(tight, tight.publish("call.asked", {"path": "small", "pad": "x" * length}))

    size = json_size(call(10_000)["context"])
    assert size < 16_384
    length = 10_000 + 16_384 - size
    kept = call(length)
    assert (kept["status"], json_size(kept["context"])) == ("completed", 16_384)
    refused = call(length + 1)
    assert (refused["status"], refused["error_code"]) == ("failed", "context_too_large")
    assert call(100)["status"] == "completed"


OPENED = "select request_id from approval_requests where requester_id = %s and status = 'pending'"


def test_a_requester_has_as_many_open_approvals_as_the_bound_and_the_next_step_fails(
    tight: World,
) -> None:
    ann, bob = uuid4().hex, uuid4().hex
    for name in (ann, ann, ann, bob):
        tight.publish("ask.asked", {"requested_by": name})
    tight.until(f"select 1 from ({OPENED}) as o having count(*) = 3", ann)
    refused = ended(tight, tight.publish("ask.asked", {"requested_by": ann}))
    assert (refused["status"], refused["error_code"]) == ("failed", "too_many_open_approvals")
    assert str(refused["error_message"]).startswith(f"{ann} has 3 open approvals already")
    assert len(tight.query(OPENED, ann)) == 3
    assert len(tight.query(OPENED, bob)) == 1
    # A decision makes room in its own transaction: the second question takes the first one's place.
    waiting = tight.waiting(requester=ann)
    assert tight.receipt(tight.decide(waiting))["result"] == "applied"
    assert len(tight.until(f"{OPENED} and step_path = 'again'", ann)) == 1
