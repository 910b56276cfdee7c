"""The names that verbs have in tables and messages, and what they ask of people."""

from collections.abc import Mapping

from engine.definition import (
    AllowVerb,
    ApprovalSpec,
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


def spec_of(verb: Verb) -> ApprovalSpec | None:
    """Return the approval that a verb asks for, if any."""
    match verb:
        case ApprovalVerb(spec):
            return spec
        case BlockVerb():
            return verb.approval
        case _:
            return None
