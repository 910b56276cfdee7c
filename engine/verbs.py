"""The names that verbs have in tables and messages."""

from collections.abc import Mapping

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

STEP_TYPES: Mapping[type[Verb], str] = {
    ConditionVerb: "condition",
    AllowVerb: "action",
    BlockVerb: "action",
    ExecuteVerb: "action",
    WaitVerb: "wait",
    ApprovalVerb: "approval",
    ParallelVerb: "parallel",
    ForEachVerb: "for_each",
    RepeatVerb: "repeat",
    WorkflowVerb: "workflow",
}
"""The predecessor's step type of each verb, and ours (requirements.md S137)."""


def step_type(verb: Verb) -> str:
    """Return the step type of a verb."""
    return STEP_TYPES[type(verb)]
