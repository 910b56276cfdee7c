"""Steps: an id, one verb, and what stands around it (definitions.md, Step)."""

from dataclasses import field

from engine.language import verbs
from engine.language.nouns import Key, Noun, Schema, Value, key
from engine.language.values import (
    CONDITION,
    DURATION,
    FIRST_STEPS,
    FLAG,
    NAME,
    NAMED,
    PATHNAME,
    STEPS,
    noun,
    ref,
    words,
)
from engine.language.verbs import POLL
from engine.language.wait import WAIT
from engine.values import dataclass

_LOG = [{"id": "note", "execute": [{"log": {"message": "${error.message}"}}]}]
_BLOCK = [{"id": "refused", "block": {"code": "rejected"}}]
_TARGET = Value(
    "steps, or the id of a later step of the same list",
    {"anyOf": [ref("steps"), {"type": "string", "pattern": NAME}]},
)
_OUTCOMES = Value(
    "map of outcomes to steps",
    {
        "type": "object",
        "propertyNames": {"pattern": NAME},
        "additionalProperties": ref("steps"),
    },
)
_ACTIONS = Value(
    "list of [actions](#actions)",
    {"type": "array", "items": ref("action"), "minItems": 1},
)
_IN_TIME: Schema = {"required": ["timeout"]}
_RETRY = noun("retry", "[retry](#retry)")

ID = key(
    "id",
    NAMED,
    "Name of the step, unique in the workflow; read back as `steps.<id>`.",
    "manager",
    required=True,
)
WHEN = key(
    "when",
    CONDITION,
    "Where it does not hold, the step is `skipped`.",
    {"total": {"gte": 1000}},
)
ON_ERROR = key(
    "on_error",
    FIRST_STEPS,
    "Run when the step failed for good; afterwards the flow goes on. `error.code`, "
    "`error.message` and `error.step` are readable there. Without it the execution fails.",
    _LOG,
)
AROUND = (ID, WHEN, ON_ERROR)
COMPENSATE = key(
    "compensate",
    STEPS,
    "Undoes this step: run, in reverse order of completion, when the execution fails or is "
    "cancelled with `compensate: true`.",
    [{"id": "undo", "execute": [{"emit": {"event": "stock.released"}}]}],
)
REFRESH = key(
    "refresh",
    Value("list of loaded paths", {"type": ["array", "string"], "items": PATHNAME.schema}),
    "Resources that are read again when the step resumes; without it the stored ones stay.",
    ["customer.history"],
)
LIMIT = key("timeout", DURATION, "Limit of the step in all; then it fails.", "1h")
APPROVAL_BRANCHES = (
    key("on_approved", STEPS, "Run when it was approved.", [{"id": "ok", "allow": {}}]),
    key(
        "on_rejected",
        STEPS,
        "Run when it was rejected. Without it, of a `block` also after it, all ends as `blocked`.",
        _BLOCK,
    ),
    key(
        "on_expired",
        FIRST_STEPS,
        "Run when nobody decided in time; without it as when it was rejected.",
        _BLOCK,
    ),
    key("on", _OUTCOMES, "Branches by outcome, for own `outcomes`.", {"refuse": _BLOCK}),
)


@dataclass(frozen=True, slots=True)
class Verb:
    """One verb: what it holds, and the keys that may stand beside it."""

    name: str
    value: Value
    about: str
    example: object
    beside: tuple[Key, ...] = ()
    rules: Schema = field(default_factory=dict)

    def step(self) -> Noun:
        """Return the step with this verb."""
        own = key(self.name, self.value, self.about, self.example, required=True)
        id, *around = AROUND
        keys = (id, own, *self.beside, *around)
        return Noun(f"step_{self.name}", f"Step: {self.name}", self.about, keys, self.rules)


def _one_in_time(events: str) -> Schema:
    """Return the rule that one of several events has a timeout."""
    return {"required": [events], "properties": {events: {"contains": _IN_TIME}}}


VERBS = (
    Verb(
        "condition",
        CONDITION,
        "Evaluates a condition, then branches. A branch is a list of steps, after which the flow "
        "goes on behind this step, or the id of a later step of the same list; a missing branch "
        "goes on.",
        {"total": {"gte": 1000}},
        (
            key("on_true", _TARGET, "Where it holds.", [{"id": "ok", "allow": {}}]),
            key("on_false", _TARGET, "Where it does not hold.", "done"),
        ),
    ),
    Verb(
        "allow",
        noun("allow", "[allow](#allow)"),
        "Sets the result `allowed` and goes on, or with `stop: true` ends.",
        {"reason": "Accepted"},
    ),
    Verb(
        "block",
        noun("block", "[block](#block)"),
        "Ends the execution as `blocked`; with an `approval` it pauses first, and ends only "
        "where that was not approved.",
        {"code": "embargo", "reason": "We cannot ship to ${country}"},
        APPROVAL_BRANCHES,
        {
            "dependentSchemas": {
                branch.name: {"properties": {"block": {"required": ["approval"]}}}
                for branch in APPROVAL_BRANCHES
            }
        },
    ),
    Verb(
        "execute",
        _ACTIONS,
        "Performs actions, in order.",
        [{"log": {"message": "Order ${order_id} is accepted"}}],
        (
            key("retry", _RETRY, "When attempts fail.", {"max": 5, "base": "2s"}),
            key("timeout", DURATION, "Limit of one attempt.", "10s", default="30s"),
            key(
                "continue_on_error",
                FLAG,
                "Whether actions go on after one that failed.",
                True,
                default=False,
            ),
            key(
                "on_in_doubt",
                words("retry", "fail", "ask"),
                "What to do when nobody knows whether an action happened, because the worker died "
                "in it; without it idempotent actions are retried and for others an operator is "
                "asked.",
                "ask",
            ),
            COMPENSATE,
        ),
    ),
    Verb(
        "parallel",
        noun("parallel", "[parallel](#parallel)"),
        "Runs branches side by side.",
        {"branches": {"a": [{"id": "one", "allow": {}}], "b": [{"id": "two", "allow": {}}]}},
        (LIMIT,),
    ),
    Verb(
        "wait",
        WAIT,
        "Pauses for an event, a length of time, or until an instant. Nothing polls.",
        {"event": "payment.settled", "match": {"order_id": "${order_id}"}, "timeout": "5d"},
        (
            key(
                "on_timeout",
                FIRST_STEPS,
                "Run when no event came in time; without it the step fails with `wait_timeout`.",
                [{"id": "unpaid", "block": {"code": "unpaid"}}],
            ),
            REFRESH,
        ),
        {
            "dependentSchemas": {
                "on_timeout": {
                    "properties": {
                        "wait": {"anyOf": [_IN_TIME, *map(_one_in_time, ("any_of", "all_of"))]}
                    }
                }
            }
        },
    ),
    Verb(
        "approval",
        noun("approval", "[approval](#approval)"),
        "Pauses until people have decided. Read back as `approvals.<id>`.",
        {"title": "Order ${order_id}", "roles": ["sales-manager"], "expires_in": "24h"},
        (*APPROVAL_BRANCHES, REFRESH),
    ),
    Verb(
        "for_each",
        noun("for_each", "[for_each](#for_each)"),
        "Runs steps for each element of a list.",
        {"in": "${items}", "steps": [{"id": "noted", "allow": {}}]},
        (LIMIT,),
    ),
    Verb(
        "repeat",
        noun("repeat", "[repeat](#repeat)"),
        "Runs steps again until a condition holds.",
        {
            "steps": POLL,
            "until": {"steps.ask.output.body.state": {"eq": "ready"}},
            "max": 60,
        },
    ),
    Verb(
        "workflow",
        noun("child_workflow", "[workflow](#child_workflow)"),
        "Runs another workflow as a child; failure and cancellation propagate.",
        {"name": "refund", "input": {"order_id": "${order_id}"}},
        (LIMIT, COMPENSATE),
    ),
)
NOUNS = (*(verb.step() for verb in VERBS), *verbs.NOUNS)
DEFINITIONS = {
    "steps": {"title": "Steps", "type": "array", "items": ref("step")},
    "step": {
        "title": "Step",
        "description": "An id and exactly one verb: "
        + ", ".join(verb.name for verb in VERBS)
        + ".",
        "type": "object",
        # Each alternative needs its verb and knows no other: editors complete the keys of the
        # verb that stands there, and offer all verbs where none does.
        "anyOf": [ref(f"step_{verb.name}") for verb in VERBS],
    },
}
