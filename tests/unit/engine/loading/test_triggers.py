"""What a trigger is read as (definitions.md, Trigger)."""

from datetime import timedelta

import pytest

from actions.definitions import examine, read_definition
from engine.definition import Trigger
from engine.schedule import Schedule

MINUTE = timedelta(minutes=1)
REST = "\nsteps:\n  - id: done\n    allow: {}\n"


def text(trigger: str) -> str:
    return f"name: t\ntrigger: {trigger}{REST}"


def read(trigger: str) -> Trigger:
    (found,) = read_definition(text(trigger), file="t.yaml").triggers
    return found


def warnings(trigger: str) -> list[str]:
    _, mistakes, found = examine(text(trigger), file="t.yaml")
    assert mistakes == []
    return [warning.problem for warning in found]


def test_what_a_trigger_leaves_out_has_its_default() -> None:
    assert read("{ event: order.created }") == Trigger("order.created", on_busy="ignore")


# S10
def test_what_a_schedule_leaves_out_has_its_default() -> None:
    expected = Schedule("30 2 * * *", "UTC", "none", 60 * MINUTE, "allow", timedelta())
    trigger = read('{ schedule: { cron: "30  2 * * *" } }')
    assert trigger == Trigger(None, schedule=expected)


# S10
def test_a_schedule_is_read_whole_and_its_cron_in_one_form() -> None:
    trigger = read(
        '{ schedule: { cron: "30 2 * * mon-fri", timezone: Europe/Berlin, catch_up: last,'
        " window: 2h, overlap: buffer_one, jitter: 5m }, manual: true }"
    )
    assert trigger.schedule == Schedule(
        "30 2 * * MON-FRI", "Europe/Berlin", "last", 120 * MINUTE, "buffer_one", 5 * MINUTE
    )
    assert trigger.manual
    assert trigger.event is None


@pytest.mark.parametrize("word", ["ignore", "queue", "replace"])
def test_a_busy_key_is_met_as_the_trigger_says(word: str) -> None:
    assert read(f"{{ event: a.b, key: '${{id}}', on_busy: {word} }}").on_busy == word


def test_cancel_on_compares_fields_of_its_event_with_those_of_the_execution() -> None:
    trigger = read("{ event: a.b, cancel_on: { event: a.gone, match: { id: '${order.id}' } } }")
    assert trigger.cancel_on is not None
    assert trigger.cancel_on.event == "a.gone"
    assert trigger.cancel_on.match["id"].render({"order": {"id": 7}}) == 7


def test_cancel_on_without_match_compares_the_keys_of_both_events() -> None:
    trigger = read("{ event: a.b, cancel_on: { event: a.gone } }")
    assert trigger.cancel_on is not None
    assert trigger.cancel_on.match == {}


def test_concurrency_has_a_limit_for_each_key_or_for_all() -> None:
    by_key = read("{ event: a.b, concurrency: { key: '${land}', limit: 3 } }").concurrency
    for_all = read("{ event: a.b, concurrency: { limit: 1 } }").concurrency
    assert by_key is not None
    assert for_all is not None
    assert (by_key.key.render({"land": "DE"}), by_key.limit) == ("DE", 3)
    assert (for_all.key.render({"land": "DE"}), for_all.limit) == ("", 1)


@pytest.mark.parametrize(
    ("trigger", "key"),
    [
        ("{ event: a.b, key: '${a}', debounce: { key: '${b}', for: 5s } }", "of b"),
        ("{ event: a.b, key: '${a}', debounce: { for: 5s } }", "of a"),
        ("{ event: a.b, debounce: { for: 5s } }", ""),
    ],
)
def test_a_debounce_without_key_has_that_of_its_trigger(trigger: str, key: str) -> None:
    debounce = read(trigger).debounce
    assert debounce is not None
    assert debounce.key.render({"a": "of a", "b": "of b"}) == key
    assert (debounce.length, debounce.max) == (MINUTE / 12, None)


def test_a_debounce_may_have_a_longest_time() -> None:
    debounce = read("{ event: a.b, debounce: { for: 1m, max: 1m } }").debounce
    assert debounce is not None
    assert (debounce.length, debounce.max) == (MINUTE, MINUTE)


def test_a_batch_has_a_size_a_length_and_perhaps_a_key() -> None:
    batch = read("{ event: a.b, batch: { key: '${van}', size: 100, for: 30s } }").batch
    assert batch is not None
    assert batch.key is not None
    assert (batch.key.render({"van": "v1"}), batch.size, batch.length) == ("v1", 100, MINUTE / 2)
    whole = read("{ event: a.b, batch: { size: 2, for: 1m } }").batch
    assert whole is not None
    assert whole.key is None


@pytest.mark.parametrize("path", ["events.0.van", "event.events.0.van", "execution.date"])
def test_the_key_beside_a_batch_is_read_over_what_the_execution_gets(path: str) -> None:
    assert warnings(f"{{ event: a.b, key: '${{{path}}}', batch: {{ size: 2, for: 1m }} }}") == []


# S10
@pytest.mark.parametrize("overlap", ["skip", "buffer_one", "cancel_other"])
def test_catching_up_all_while_few_may_run_is_probably_not_meant(overlap: str) -> None:
    (warning,) = warnings(
        f"{{ schedule: {{ cron: '0 0 * * *', catch_up: all, overlap: {overlap} }} }}"
    )
    assert warning.startswith(f"missed slots start together, and overlap: {overlap}")


def test_a_key_that_reads_steps_is_probably_not_meant() -> None:
    (warning,) = warnings("{ event: a.b, concurrency: { key: '${steps.a.output}', limit: 1 } }")
    assert warning.startswith("steps.a.output: here this is a field of the event")


# S10
def test_the_same_cron_may_stand_twice_in_different_zones() -> None:
    in_zones = (
        "[{ schedule: { cron: 0 0 * * * } }, { schedule: { cron: 0 0 * * *, timezone: %s } }]"
    )
    definition = read_definition(text(in_zones % "Asia/Tokyo"), file="t.yaml")
    assert len(definition.triggers) == 2


# S10
def test_two_crons_that_are_wrong_are_not_called_equal() -> None:
    wrong = "[{ schedule: { cron: x, jitter: 5m } }, { schedule: { cron: y, jitter: 5m } }]"
    _, mistakes, _ = examine(text(wrong), file="t.yaml")
    assert [mistake.problem.partition(";")[0] for mistake in mistakes] == [
        "'x' is no cron",
        "'y' is no cron",
    ]
