"""What the engine reads of a sub-action beside what is sent (requirements.md S52, D28)."""

import pytest

from actions.definitions import examine
from engine.definition import ExecuteVerb, SubAction
from engine.ids import StepPath
from tests.builders import a_definition


def the_action(action: str) -> SubAction:
    """Return the only sub-action of a definition."""
    text = f"steps:\n  - id: x\n    execute: [{{ {action} }}]\n"
    verb = a_definition(text).steps[StepPath("x")].verb
    assert isinstance(verb, ExecuteVerb)
    return verb.actions[0]


# S52
@pytest.mark.parametrize(
    ("action", "required"),
    [
        ("notify: { channel: slack, message: hi }", False),
        ("notify: { channel: slack, message: hi, required: false }", False),
        ("notify: { channel: slack, message: hi, required: true }", True),
        ("webhook: { url: 'https://api.example.com/' }", True),
        ("log: { message: hi }", True),
    ],
)
def test_only_a_notification_may_fail_without_failing_its_step(action: str, required: bool) -> None:
    assert the_action(action).required is required


@pytest.mark.parametrize(("written", "idempotent"), [("true", True), ("false", False)])
def test_a_webhook_says_whether_it_may_be_repeated(written: str, idempotent: bool) -> None:
    action = the_action(f"webhook: {{ url: 'https://api.example.com/', idempotent: {written} }}")
    assert action.idempotent is idempotent
    assert action.params.render({}) == {"url": "https://api.example.com/", "idempotent": idempotent}


def test_a_load_names_the_place_in_the_context() -> None:
    load = "load: { resource: rates, id: DE, into: context.country.rates }"
    assert the_action(load).into == ("country", "rates")
    assert the_action("load: { resource: rates, id: DE }").into == ()


# S55
@pytest.mark.parametrize(
    ("header", "warned"),
    [
        ("authorization: 'Bearer abc'", True),
        ("X-API-Key: '${api_key}'", True),
        ("Authorization: 'Bearer ${secrets.TOKEN}'", False),
        ("x-kind: order", False),
    ],
)
def test_a_credential_that_is_no_secret_is_warned_of(header: str, warned: bool) -> None:
    text = (
        "name: x\ntrigger: { event: a }\nsteps:\n  - id: x\n    execute:\n"
        f"      - webhook: {{ url: 'https://a.example/', headers: {{ {header} }} }}\n"
    )
    _, mistakes, warnings = examine(text, file="x.yaml")
    assert mistakes == []
    assert [(each.line, "every trace" in each.problem) for each in warnings] == (
        [(6, True)] if warned else []
    )
