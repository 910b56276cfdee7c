"""Why an event starts a workflow, or does not."""

from collections.abc import Mapping

import pytest

from engine.definition import Definition
from engine.explain import Event, Explanation, Finding, explain, explain_all, explain_condition
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
    assert "the key 7" in found.reason


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
    assert found.reason.startswith("a dead letter, `key` has no value: ${id}")


def test_only_the_first_trigger_that_fits_starts_it() -> None:
    workflow = a_workflow(
        "[{event: thing.made, when: {a: {eq: 1}}}, {event: thing.*}, {event: '*'}]"
    )
    found = explained(workflow, a=2)
    assert [trigger.starts for trigger in found.triggers] == [False, True, False]
    assert found.triggers[2].reason == "trigger 2 has started it already"


def test_a_trigger_by_hand_and_a_disabled_workflow_start_nothing() -> None:
    by_hand = explained(a_workflow("{manual: true}"))
    assert by_hand.reason == "no event starts it: it has no event pattern"
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
