"""The names that verbs have in tables and messages."""

from typing import assert_never

from engine.definition import (
    AllowVerb,
    ApprovalVerb,
    BlockVerb,
    ConditionVerb,
    ExecuteVerb,
    ForEachVerb,
    ParallelVerb,
    RepeatVerb,
    Verb,
    WaitVerb,
    WorkflowVerb,
)


def step_type(verb: Verb) -> str:
    """Return the predecessor's step type of a verb (requirements.md S137)."""
    match verb:
        case ConditionVerb():
            return "condition"
        case AllowVerb() | BlockVerb() | ExecuteVerb():
            return "action"
        case WaitVerb():
            return "wait"
        case ApprovalVerb():
            return "approval"
        case ParallelVerb():
            return "parallel"
        case ForEachVerb():
            return "for_each"
        case RepeatVerb():
            return "repeat"
        case WorkflowVerb():
            return "workflow"
        case _:
            assert_never(verb)
