"""`for_each` and `repeat` through `advance`."""

import pytest

from engine.effects import Perform, RecordStep
from engine.execution import Status
from tests.builders import (
    a_definition,
    decided,
    failed,
    of_kind,
    received,
    started,
    step_state,
    succeeded,
    the_wait,
)

EACH = """
steps:
  - id: each
    for_each:
      in: ${lines}
      as: line
      %s
      steps:
        - id: big
          condition: {line.amount: {gte: 100}}
          on_true:
            - {id: ask, approval: {title: "Line ${line.sku}", roles: [boss]}}
        - id: book
          execute: [{webhook: {url: "https://x.example/${line.sku}", json: {n: "${index}"}}}]
          retry: {max: 0}
  - {id: after, execute: [{log: {message: "${steps.each.items.1.status}"}}]}
"""
LINES = {"lines": [{"sku": "a", "amount": 5}, {"sku": "b", "amount": 7}]}


def test_items_run_one_after_another_and_leave_their_results_in_order() -> None:
    definition = a_definition(EACH % "")
    execution, effects = started(definition, LINES)
    urls = []
    while asked := of_kind(effects, Perform):
        (ask,) = asked
        urls.append((ask.path, ask.params["url"], ask.params["json"]))
        execution, effects = succeeded(definition, execution, ask, {"status": f"ok {ask.path}"})
    assert urls == [
        ("each/0/book", "https://x.example/a", {"n": 0}),
        ("each/1/book", "https://x.example/b", {"n": 1}),
    ]
    assert execution.status is Status.COMPLETED
    items = step_state(execution, "each")["items"]
    assert items == [{"status": "ok each/0/book"}, {"status": "ok each/1/book"}]
    assert step_state(execution, "after")["output"]["message"] == "ok each/1/book"
    assert "book" not in execution.context["steps"]  # type: ignore[operator]


def test_items_run_side_by_side_where_allowed() -> None:
    definition = a_definition(EACH % "concurrency: 2")
    _, effects = started(definition, LINES)
    assert len(of_kind(effects, Perform)) == 2


def test_an_item_that_fails_ends_the_others_under_all() -> None:
    definition = a_definition(EACH % "concurrency: 2")
    execution, effects = started(definition, LINES)
    execution, _ = failed(definition, execution, of_kind(effects, Perform)[0])
    assert execution.status is Status.FAILED


def test_failed_items_are_data_under_all_settled() -> None:
    definition = a_definition(EACH % "strategy: all_settled")
    execution, effects = started(definition, LINES)
    execution, effects = failed(definition, execution, of_kind(effects, Perform)[0])
    execution, _ = succeeded(definition, execution, of_kind(effects, Perform)[0], {"status": "x"})
    assert execution.status is Status.COMPLETED
    first, second = step_state(execution, "each")["items"]
    assert (first["error"]["code"], second) == ("http_500", {"status": "x"})


# S95
def test_a_pause_inside_an_item_goes_on_at_that_item() -> None:
    definition = a_definition(EACH % "concurrency: 2")
    execution, effects = started(
        definition, {"lines": [{"sku": "a", "amount": 5}, {"sku": "b", "amount": 700}]}
    )
    (ask,) = of_kind(effects, Perform)
    execution, _ = succeeded(definition, execution, ask, {"status": "x"})
    assert execution.status is Status.PAUSED
    (wait,) = execution.waits.values()
    assert (wait.path, wait.record["title"]) == ("each/1/big/ask", "Line b")
    execution, effects = decided(definition, execution)
    assert of_kind(effects, Perform)[0].path == "each/1/book"


def test_nothing_to_go_through_completes_at_once() -> None:
    definition = a_definition(EACH.replace("${steps.each.items.1.status}", "x") % "")
    execution, _ = started(definition, {"lines": []})
    assert execution.status is Status.COMPLETED
    assert step_state(execution, "each")["items"] == []


@pytest.mark.parametrize(
    ("value", "name"), [("three", "text"), ({}, "object"), (None, "null"), (3, "number")]
)
def test_what_is_no_list_fails_the_step_and_is_named_as_json_does(value: object, name: str) -> None:
    execution, _ = started(a_definition(EACH % ""), {"lines": value})
    assert execution.error is not None
    assert execution.error.code == "invalid_items"
    assert execution.error.message.endswith(f"this is {name}")


REPEAT = """
steps:
  - id: poll
    repeat:
      max: 3
      until: {steps.ask.output.body.done: {eq: true}}
      steps:
        - {id: ask, execute: [{webhook: {url: "https://x.example/${round}"}}], retry: {max: 0}}
  - {id: after, execute: [{log: {message: "${steps.poll.rounds}"}}]}
"""


def test_rounds_run_until_the_condition_holds() -> None:
    definition = a_definition(REPEAT)
    execution, effects = started(definition)
    (ask,) = of_kind(effects, Perform)
    execution, effects = succeeded(definition, execution, ask, {"body": {"done": False}})
    (ask,) = of_kind(effects, Perform)
    assert (ask.path, ask.params["url"]) == ("poll/1/ask", "https://x.example/2")
    execution, effects = succeeded(definition, execution, ask, {"body": {"done": True}})
    assert execution.status is Status.COMPLETED
    assert step_state(execution, "poll")["output"] == {"body": {"done": True}}
    assert step_state(execution, "after")["output"]["message"] == "2"


def test_a_bound_that_is_reached_fails_the_step() -> None:
    definition = a_definition(REPEAT)
    execution, effects = started(definition)
    for _ in range(3):
        (ask,) = of_kind(effects, Perform)
        execution, effects = succeeded(definition, execution, ask, {"body": {"done": False}})
    assert execution.error is not None
    assert execution.error.code == "repeat_exhausted"


def test_each_round_has_a_step_execution_of_its_own() -> None:
    definition = a_definition(REPEAT)
    execution, effects = started(definition)
    seen = list(of_kind(effects, RecordStep))
    for done in (False, True):
        (ask,) = of_kind(effects, Perform)
        execution, effects = succeeded(definition, execution, ask, {"body": {"done": done}})
        seen.extend(of_kind(effects, RecordStep))
    assert len({record.id for record in seen if record.step_id == "ask"}) == 2


COLLECT = """
steps:
  - id: collect
    repeat:
      max: 5
      until: {waits.part.event.last: {eq: true}}
      steps:
        - {id: part, wait: {event: part.sent, match: {order: "${order}"}}}
"""


def test_an_event_counts_in_one_round_only() -> None:
    definition = a_definition(COLLECT)
    execution, _ = started(definition, {"order": 1})
    execution, _ = received(definition, execution, {"last": False}, id="p1")
    assert the_wait(execution).path == "collect/1/part"
    again, effects = received(definition, execution, {"last": False}, id="p1")
    assert (again, effects) == (execution, ())
    execution, _ = received(definition, execution, {"last": True}, id="p2")
    assert execution.status is Status.COMPLETED
    assert step_state(execution, "collect")["rounds"] == 2


NESTED = """
steps:
  - id: outer
    repeat:
      max: 2
      until: {enough: {eq: true}}
      steps:
        - id: collect
          repeat:
            max: 5
            until: {waits.part.event.last: {eq: true}}
            steps:
              - {id: part, wait: {event: part.sent, match: {order: "${order}"}}}
"""


def test_an_event_counts_in_one_round_of_the_outer_loop_too() -> None:
    definition = a_definition(NESTED)
    execution, _ = started(definition, {"order": 1, "enough": False})
    execution, _ = received(definition, execution, {"last": True}, id="p1")
    assert the_wait(execution).path == "outer/1/collect/0/part"
    again, effects = received(definition, execution, {"last": True}, id="p1")
    assert (again, effects) == (execution, ())
