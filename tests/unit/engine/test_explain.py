"""Why an event starts a workflow, or does not."""

from collections.abc import Mapping

import pytest

from engine.definition import Definition
from engine.explain import Event, Explanation, explain, explain_all
from engine.findings import Finding, explain_condition
from tests.builders import NOW, a_definition


def check(schema: Mapping[str, object], payload: Mapping[str, object]) -> str | None:
    required = schema["required"]
    assert isinstance(required, list)
    missing = [name for name in required if name not in payload]
    return f"the root: {missing[0]} is required" if missing else None


def explained(definition: Definition, type: str = "thing.made", **data: object) -> Explanation:
    return explain(definition, Event(type, data), NOW, check)


def a_workflow(trigger: str, more: str = "") -> Definition:
    return a_definition(f"trigger: {trigger}\n{more}\nsteps: [{{id: x, allow: {{}}}}]\n")


def test_an_event_of_another_type_does_not_start_it() -> None:
    found = explained(a_workflow("{event: order.*}"), "order")
    assert not found.starts
    assert found.reason == "the event type order does not match order.*"
    assert not found.triggers[0].matches


def test_an_event_that_matches_starts_it_with_its_key() -> None:
    found = explained(a_workflow('{event: thing.*, key: "${id}"}'), id=7)
    assert found.starts
    assert found.key == "7"
    (note,) = found.triggers[0].notes
    assert note == (
        "at most one unfinished execution has the key 7; while there is one, the event starts"
        " nothing"
    )


def test_a_condition_that_fails_names_each_comparison_with_what_was_found() -> None:
    workflow = a_workflow(
        "{event: thing.made, when: {all: [{total: {gt: 5, lt: 9}}, {country: {in: [DE]}}]}}"
    )
    found = explained(workflow, total=3, country="DE")
    assert found.reason == "`when` does not hold: total gt 5 (found 3)"
    when = found.triggers[0].when
    assert when is not None
    assert [
        (part.leaf.field, part.leaf.operator, part.leaf.value, part.leaf.holds)
        for part in when.leaves()
        if part.leaf is not None
    ] == [("total", "gt", 3, False), ("total", "lt", 3, True), ("country", "in", "DE", True)]


def test_what_would_not_be_evaluated_is_shown_too() -> None:
    when = explain_condition({"any": [{"a": {"eq": 1}}, {"b": {"eq": 2}}]}, {"a": 1, "b": 0})
    assert when.holds
    assert [part.holds for part in when.parts] == [True, False]


@pytest.mark.parametrize(
    ("node", "holds"),
    [
        ({"not": {"a": {"eq": 1}}}, False),
        ({"and": [{"a": {"eq": 1}}, {"not": {"b": {"eq": 1}}}]}, True),
        ({"or": []}, False),
        ({"all": []}, True),
        ({"a": {"eq": 1}, "b": {"eq": 2}}, True),
        ({"field": "a", "operator": "gt", "value": 0}, True),
        ({"approval": "boss", "is": "approved"}, True),
        ({"a": {"gt": "text", "strict": True}}, None),
        ({"any": [{"a": {"eq": 1}}, {"a": {"gt": "text", "strict": True}}]}, True),
        ({"any": [{"a": {"gt": "text", "strict": True}}, {"a": {"eq": 1}}]}, None),
        ({"a": {"eq": "${nowhere}"}}, None),
    ],
)
def test_every_form_of_a_condition_is_explained(node: object, holds: bool | None) -> None:
    scope = {"a": 1, "b": 2, "approvals": {"boss": {"outcome": "approved"}}}
    assert explain_condition(node, scope).holds is holds


def test_a_strict_comparison_of_other_types_is_a_dead_letter() -> None:
    found = explained(a_workflow("{event: thing.made, when: {a: {gt: 1, strict: true}}}"), a="x")
    assert not found.starts
    assert found.reason.startswith("a dead letter, `when` cannot be evaluated: a: gt cannot")


def test_a_payload_that_breaks_the_input_schema_is_a_dead_letter() -> None:
    workflow = a_workflow("{event: thing.made}", "input: {required: [id]}")
    found = explained(workflow)
    assert not found.starts
    assert found.input_problem == "the root: id is required"
    assert found.reason.startswith("a dead letter, the payload breaks `input`")
    assert explained(workflow, id=1).starts


def test_a_key_without_value_is_a_dead_letter() -> None:
    found = explained(a_workflow('{event: thing.made, key: "${id}"}'))
    assert not found.starts
    assert found.reason.startswith("a dead letter, a key of the trigger has no value: ${id}")


def test_only_the_first_trigger_that_fits_starts_it() -> None:
    workflow = a_workflow(
        "[{event: thing.made, when: {a: {eq: 1}}}, {event: thing.*}, {event: '*'}]"
    )
    found = explained(workflow, a=2)
    assert [trigger.starts for trigger in found.triggers] == [False, True, False]
    assert found.triggers[2].reason == "trigger 2 has started it already"


def test_a_schedule_is_not_taken_for_a_trigger_by_hand() -> None:
    nightly, weekly = (f"{{schedule: {{cron: '0 2 * * {day}'}}}}" for day in "*1")
    found = explained(a_workflow(f"[{nightly}, {weekly}]"))
    assert (found.starts, found.reason) == (False, "only its schedule starts it, no event")


def test_a_trigger_by_hand_and_a_disabled_workflow_start_nothing() -> None:
    by_hand = explained(a_workflow("{manual: true}"))
    assert by_hand.reason == "only a hand starts it, no event"
    disabled = explained(a_workflow("{event: thing.made}", "enabled: false"))
    assert not disabled.starts
    assert disabled.reason == "the workflow is not enabled"


def test_workflows_are_explained_in_the_order_in_which_they_start() -> None:
    low, high = (
        a_definition(f"name: {name}\npriority: {n}\nsteps: [{{id: x, allow: {{}}}}]\n")
        for name, n in (("a", 1), ("b", 2))
    )
    found = explain_all([low, high], Event("thing.made", {}), NOW, check)
    assert [each.workflow for each in found] == ["b", "a"]


def test_an_explanation_is_json_with_stable_keys() -> None:
    found = explained(a_workflow("{event: thing.made, when: {not: {a: {eq: 1}}}}"), a=1).as_dict()
    assert list(found) == [
        "workflow",
        "file",
        "starts",
        "reason",
        "key",
        "input_problem",
        "triggers",
        "notes",
    ]
    triggers = found["triggers"]
    assert isinstance(triggers, list)
    trigger = triggers[0]
    assert trigger["when"] == {
        "not": [{"field": "a", "operator": "eq", "value": 1, "expected": 1, "holds": True}],
        "holds": False,
    }
    assert trigger["reason"] == "`when` does not hold: what it excludes is the case"


def test_a_finding_without_leaf_says_its_problem() -> None:
    assert Finding("leaf", None, problem="broken").as_dict() == {
        "holds": None,
        "problem": "broken",
    }


@pytest.mark.parametrize(
    ("rest", "notes"),
    [
        (
            'key: "${id}", on_busy: queue',
            [
                "at most one unfinished execution has the key 7; while there is one, the new one is"
                " pending"
            ],
        ),
        (
            'key: "${id}", on_busy: replace',
            [
                "at most one unfinished execution has the key 7; one that there is gets cancelled"
                " for the new one"
            ],
        ),
        (
            'concurrency: {key: "${land}", limit: 5}',
            ["above 5 unfinished executions for DE the new one is pending"],
        ),
        (
            'debounce: {key: "${id}", for: 30s, max: 5m}',
            [
                "starts once no event with the key 7 has come for 30s, at the latest after 5m, with"
                " the last event"
            ],
        ),
        (
            'debounce: {key: "${id}", for: 500ms}',
            ["starts once no event with the key 7 has come for 500ms, with the last event"],
        ),
    ],
)
def test_what_only_a_running_deployment_knows_is_a_note_and_changes_no_answer(
    rest: str, notes: list[str]
) -> None:
    found = explained(a_workflow(f"{{event: thing.made, {rest}}}"), id=7, land="DE")
    assert found.starts
    assert found.reason == "thing.made matches thing.made"
    assert list(found.triggers[0].notes) == notes


def test_a_batch_is_judged_by_the_payload_of_all_its_events() -> None:
    trigger = (
        '{event: thing.made, key: "${events.0.id}", batch: {key: "${land}", size: 100, for: 1m}}'
    )
    found = explained(a_workflow(trigger, "input: {required: [events]}"), id=7, land="DE")
    assert (found.starts, found.key) == (True, None)
    assert found.triggers[0].gathers == "DE"
    assert found.triggers[0].notes == (
        "one execution for 100 events with the key DE, or for those of 1m; its payload is"
        " {events: [...]}",
        "`input`, `key` and `concurrency` are judged by that payload, once it is complete",
    )


@pytest.mark.parametrize(
    "rest",
    [
        'concurrency: {key: "${land}", limit: 5}',
        'debounce: {key: "${land}", for: 30s}',
        'batch: {key: "${land}", size: 2, for: 1m}',
    ],
)
def test_every_key_of_a_trigger_needs_a_value(rest: str) -> None:
    found = explained(a_workflow(f"{{event: thing.made, {rest}}}"), id=7)
    assert not found.starts
    assert found.reason.startswith("a dead letter, a key of the trigger has no value: ${land}")


@pytest.mark.parametrize(
    ("match", "data", "note"),
    [
        (
            'match: {ref: "${id}"}',
            {"ref": "o1"},
            "cancels the unfinished executions whose `cancel_on` asks for ref o1",
        ),
        ('match: {ref: "${id}"}', {"id": "o1"}, "cancels nothing: it lacks ref"),
        (
            "",
            {},
            "cancels the unfinished executions whose `cancel_on` asks for the record key k1",
        ),
    ],
)
def test_an_event_that_cancels_executions_says_which(
    match: str, data: dict[str, object], note: str
) -> None:
    workflow = a_workflow(f"{{event: thing.made, cancel_on: {{event: thing.lost, {match}}}}}")
    found = explain(workflow, Event("thing.lost", data, key="k1"), NOW, check)
    assert not found.starts
    assert found.notes == (note,)
    assert explain(workflow, Event("thing.found", data, key="k1"), NOW, check).notes == ()
