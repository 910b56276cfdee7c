"""Definitions that were registered before a check was added run as they did."""

import pytest

from actions.stored import compile_stored
from engine.definition import ConditionVerb


@pytest.mark.parametrize("test", [{"regex": "^${prefix}"}, {"in": "${prefix} ${prefix}"}])
def test_a_test_that_is_refused_today_still_does_not_hold(test: dict[str, object]) -> None:
    condition = {"all": [{"total": {"gt": 5}}, {"name": test}]}
    steps = [{"id": "first", "condition": condition}]
    body = {"name": "t", "trigger": {"manual": True}, "steps": steps}
    (step,) = compile_stored(body, file="t.yaml", version=1).steps.values()
    assert isinstance(step.verb, ConditionVerb)
    assert not step.verb.condition.holds({"total": 9, "name": "ab", "prefix": "a"})
