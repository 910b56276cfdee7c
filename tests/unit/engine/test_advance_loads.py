"""The context before the first step (requirements.md S78-S85, S90)."""

from collections.abc import Mapping
from datetime import timedelta

import pytest

from engine.advance import advance
from engine.definition import Definition
from engine.effects import Perform, StartTimer, WriteLog
from engine.execution import Execution, Status
from engine.inputs import ActionFailed, TimerFired
from engine.paths import lookup, parse_path
from tests.builders import (
    NOW,
    a_definition,
    expired,
    failed,
    later,
    of_kind,
    one,
    started,
    succeeded,
)

LOADING = """
context:
  load:
    customer.history: {resource: customer.history, id: "${customer_id}", %s}
  derive:
    customer_is_new: {customer.history.orders_count: {lt: 3}}
    label: {value: "${order.id}/${customer_is_new}"}
steps: [{id: ok, allow: {reason: "${label}"}}]
"""
PLAIN = a_definition(LOADING % "cache: 10m")
OPTIONAL = a_definition(LOADING % "optional: true")
PAYLOAD = {"customer_id": "c1", "order": {"id": "o1"}}


def value_of(execution: Execution, path: str) -> object:
    """Return what a path of the context leads to."""
    return lookup(execution.context, parse_path(path))


def loaded(definition: Definition, payload: Mapping[str, object], value: object) -> Execution:
    """Start with the resource at hand."""
    return started(definition, payload, {"customer.history": value})[0]


# S78
def test_the_payload_is_the_root_of_the_context() -> None:
    execution = loaded(PLAIN, {**PAYLOAD, "extra": [1]}, {"orders_count": 1})
    assert value_of(execution, "extra.0") == 1


# S78
def test_a_reserved_name_hides_a_field_with_a_warning() -> None:
    definition = a_definition("""
    steps: [{id: ok, allow: {reason: "${event.event} ${execution.version} ${steps:-none}"}}]
    """)
    execution, _ = started(definition, {"event": "mine", "steps": "mine", "execution": 5})
    reason = value_of(execution, "steps.ok.output.reason")
    assert reason == "mine 1 {}"
    warning = str(value_of(execution, "warnings.payload"))
    assert all(name in warning for name in ("event", "steps", "execution"))


# S79 S80 S82
def test_a_resource_is_asked_for_before_the_first_step_and_lands_at_its_path() -> None:
    execution, effects = started(PLAIN, PAYLOAD)
    asked = one(effects, Perform)
    assert asked.kind == "load"
    assert asked.params == {
        "resource": "customer.history",
        "id": "c1",
        "path": "customer.history",
        "cache_seconds": 600.0,
    }
    assert execution.status is Status.RUNNING
    assert "steps" not in execution.context or not execution.context["steps"]
    execution, _ = succeeded(PLAIN, execution, asked, {"orders_count": 7})
    assert value_of(execution, "customer.history.orders_count") == 7
    assert execution.status is Status.COMPLETED


# S86
def test_a_resource_at_hand_is_not_asked_for() -> None:
    execution, effects = started(PLAIN, PAYLOAD, {"customer.history": {"orders_count": 1}})
    assert not of_kind(effects, Perform)
    assert execution.status is Status.COMPLETED


# S84 S85
@pytest.mark.parametrize(("count", "is_new"), [(2, True), (3, False), (None, False)])
def test_derived_fields_follow_the_loads_in_order(count: int | None, is_new: bool) -> None:
    execution = loaded(PLAIN, PAYLOAD, {"orders_count": count})
    assert value_of(execution, "customer_is_new") is is_new
    assert value_of(execution, "label") == f"o1/{str(is_new).lower()}"


# S83
@pytest.mark.parametrize(("total", "high"), [(999.99, False), (1000, True), (1000.01, True)])
def test_a_derived_threshold_holds_at_its_edge(total: float, high: bool) -> None:
    definition = a_definition("""
    context: {derive: {order_is_high_value: {order.total: {gte: 1000}}}}
    steps: [{id: ok, allow: {}}]
    """)
    execution, _ = started(definition, {"order": {"total": total}})
    assert execution.context["order_is_high_value"] is high


# S82
@pytest.mark.parametrize(
    ("option", "name"), [("overwrite: false", "mine"), ("overwrite: true", "x")]
)
def test_a_resource_merges_deeply_and_overwrites_only_where_asked(option: str, name: str) -> None:
    definition = a_definition(LOADING % option)
    payload = {**PAYLOAD, "customer": {"history": {"name": "mine"}, "vip": True}}
    execution = loaded(definition, payload, {"name": "x", "orders_count": 1})
    expected = {"history": {"name": name, "orders_count": 1}, "vip": True}
    assert execution.context["customer"] == expected


# S82
def test_loading_leaves_the_stored_payload_alone() -> None:
    customer: dict[str, object] = {"history": {"name": "mine"}}
    payload = {**PAYLOAD, "customer": customer}
    loaded(PLAIN, payload, {"orders_count": 1})
    assert customer == {"history": {"name": "mine"}}


# S90
def test_a_resource_is_read_four_times_before_the_execution_fails() -> None:
    execution, effects = started(PLAIN, PAYLOAD)
    attempts = [one(effects, Perform).attempt]
    for _ in range(3):
        execution, effects = failed(PLAIN, execution, one(effects, Perform), retryable=True)
        timer = one(effects, StartTimer)
        execution, effects = advance(PLAIN, execution, TimerFired(later(hours=1), timer.id))
        attempts.append(one(effects, Perform).attempt)
    execution, effects = failed(PLAIN, execution, one(effects, Perform), retryable=True)
    assert attempts == [1, 2, 3, 4]
    assert (execution.status, execution.result) == (Status.FAILED, "failed")
    assert execution.error is not None
    assert "customer.history could not be loaded" in execution.error.message


# S90
def test_an_optional_resource_that_fails_is_null_with_a_warning() -> None:
    execution, effects = started(OPTIONAL, PAYLOAD)
    execution, _ = failed(OPTIONAL, execution, one(effects, Perform))
    assert execution.status is Status.COMPLETED
    assert value_of(execution, "customer.history") is None
    warnings = execution.context["warnings"]
    assert isinstance(warnings, dict)
    assert "could not be loaded" in warnings["customer.history"]


# S90
def test_an_id_without_value_fails_unless_the_resource_is_optional() -> None:
    execution, _ = started(PLAIN, {"order": {"id": "o1"}})
    assert execution.error is not None
    assert (execution.status, execution.error.code) == (Status.FAILED, "unresolved")
    execution, _ = started(OPTIONAL, {"order": {"id": "o1"}})
    assert execution.status is Status.COMPLETED


def test_a_derived_field_without_value_fails_the_execution() -> None:
    execution = loaded(PLAIN, {"customer_id": "c1"}, {"orders_count": 1})
    assert execution.error is not None
    assert (execution.status, execution.error.code) == (Status.FAILED, "unresolved")
    assert "context.derive" in execution.error.message


TWO = """
on_error: [{id: mend, approval: {title: "What now?", anyone: true}}]
context:
  load:
    first: {resource: a, id: "${a}"}
    second: {resource: b, id: "${b}"}
steps: [{id: ok, execute: [{log: {message: never}}]}]
"""


def test_all_resources_must_be_there_before_the_first_step() -> None:
    definition = a_definition(TWO)
    execution, effects = started(definition, {"a": 1, "b": 2})
    first, second = of_kind(effects, Perform)
    execution, _ = succeeded(definition, execution, second, "B")
    assert execution.status is Status.RUNNING
    execution, _ = succeeded(definition, execution, first, "A")
    assert execution.status is Status.COMPLETED
    assert (execution.context["first"], execution.context["second"]) == ("A", "B")


# S30 S90
def test_a_failed_load_runs_on_error_of_the_workflow() -> None:
    definition = a_definition(TWO)
    execution, effects = started(definition, {"a": 1, "b": 2})
    first, second = of_kind(effects, Perform)
    execution, _ = failed(definition, execution, second)
    assert execution.status is Status.PAUSED
    assert succeeded(definition, execution, first, "A") == (execution, ())


# S30 S90
def test_a_late_resource_never_starts_steps_beside_on_error() -> None:
    definition = a_definition(TWO)
    execution, effects = started(definition, {"a": 1})
    asked = one(effects, Perform)
    assert execution.status is Status.PAUSED
    after, effects = succeeded(definition, execution, asked, "A")
    assert after.lines == execution.lines
    assert after.status is Status.PAUSED


# S90
def test_a_source_that_names_a_pause_is_not_asked_before_it_is_over() -> None:
    execution, effects = started(PLAIN, PAYLOAD)
    asked = one(effects, Perform)
    pause = timedelta(minutes=7)
    given = ActionFailed(NOW, asked.id, "http_429", "slowly", retryable=True, retry_after=pause)
    _, effects = advance(PLAIN, execution, given)
    assert one(effects, StartTimer).due_at == NOW + pause


# S117
def test_a_wait_that_ran_out_of_time_reads_again_before_its_branch() -> None:
    definition = a_definition("""
    context: {load: {rates: {resource: rates, id: "1"}}}
    steps:
      - id: paid
        wait: {event: paid, match: {id: "${order_id}"}, timeout: 1h}
        refresh: [rates]
        on_timeout: [{id: told, execute: [{log: {message: "${rates.usd}"}}]}]
    """)
    payload = {**PAYLOAD, "order_id": "o-1"}
    execution, _ = started(definition, payload, {"rates": {"usd": 1}})
    execution, effects = expired(definition, execution)
    asked = one(effects, Perform)
    assert asked.params["resource"] == "rates"
    _, effects = succeeded(definition, execution, asked, {"usd": 2})
    assert one(effects, WriteLog).message == "2"


# S85 S117
def test_a_resource_in_the_place_of_its_own_id_is_read_again_by_that_id() -> None:
    definition = a_definition("""
    context: {load: {customer: {resource: customers, id: "${customer}", overwrite: true}}}
    steps:
      - id: paid
        wait: {event: paid, match: {id: "${order_id}"}, timeout: 1h}
        refresh: [customer]
        on_timeout: [{id: told, execute: [{log: {message: "${customer.name}"}}]}]
    """)
    execution, effects = started(definition, {"customer": "c1", "order_id": "o-1"})
    first = one(effects, Perform)
    execution, _ = succeeded(definition, execution, first, {"name": "Ana"})
    execution, effects = expired(definition, execution)
    again = one(effects, Perform)
    assert (first.params["id"], again.params["id"]) == ("c1", "c1")
    _, effects = succeeded(definition, execution, again, {"name": "Bo"})
    assert one(effects, WriteLog).message == "Bo"
