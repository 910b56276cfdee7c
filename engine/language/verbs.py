"""What verbs hold: the mappings below `allow`, `block`, `parallel`, ... (definitions.md, Step)."""

from engine.language.nouns import Noun, Value, key
from engine.language.values import (
    CONDITION,
    DURATION,
    FIRST_STEPS,
    FLAG,
    LINE,
    NAME,
    NAMED,
    TAKEN,
    WORD,
    WORKFLOW_NAME,
    noun,
    ref,
    whole,
    words,
)

_BRANCHES = Value(
    "map of names to steps",
    {
        "type": "object",
        "propertyNames": {"pattern": NAME},
        "additionalProperties": FIRST_STEPS.schema,
        "minProperties": 1,
        "maxProperties": 32,
    },
)
_ITEMS = Value("list°", {"anyOf": [{"type": "array", "maxItems": 1000}, {"type": "string"}]})
_ITEM = Value("name", {**NAMED.schema, "not": {"enum": sorted(TAKEN)}})
_CHILD = Value("name, also with `-`", {"type": "string", "pattern": WORKFLOW_NAME})
_INPUT = Value("mapping°", {"type": ["object", "string"]})
_NUMBER = whole(1, 1_000_000)
_VERSION = Value("`latest`, or a number", {"anyOf": [{"const": "latest"}, _NUMBER.schema]})
_STRATEGY = Value(
    "`all` \\| `any` \\| `race` \\| `all_settled` \\| `{n_of: k}`",
    {"anyOf": [{"enum": ["all", "any", "race", "all_settled"]}, ref("n_of")]},
)
POLL = [
    {"id": "nap", "wait": {"for": "1m"}},
    {"id": "ask", "execute": [{"http_request": {"url": "https://a.example/x", "method": "GET"}}]},
]
"""Steps of a round: ask for something once a minute."""

ALLOW = Noun(
    "allow",
    "Allow",
    "Sets the provisional result `allowed`.",
    (
        key("reason", LINE, "Why.", "Below 25"),
        key("stop", FLAG, "Whether the execution ends here.", True, default=False),
    ),
)
BLOCK = Noun(
    "block",
    "Block",
    "Ends the execution as `blocked`.",
    (
        key("code", WORD, "Stable name of the reason, for programs.", "embargo", required=True),
        key("reason", LINE, "The reason, for people.", "We cannot ship to ${country}"),
        key(
            "approval",
            noun("approval", "[approval](#approval)"),
            "Ask first: approved goes on, everything else blocks.",
            {"title": "Release ${order_id}?", "roles": ["compliance"]},
        ),
    ),
)
PARALLEL = Noun(
    "parallel",
    "Parallel",
    "Branches that run side by side.",
    (
        key(
            "strategy",
            _STRATEGY,
            "When it is over: `all` fails with the first failure, `any` takes the first success, "
            "`race` the first end, `n_of` so many successes; `all_settled` waits for all and "
            "never fails. Losers are cancelled.",
            {"n_of": 2},
            default="all",
        ),
        key(
            "branches",
            _BRANCHES,
            "The branches; the status of one is `steps.<id>.branches.<name>`.",
            {"stock": [{"id": "counted", "wait": {"event": "stock.counted"}}]},
            required=True,
        ),
        key("concurrency", whole(1, 1000), "Most branches at once; without it all.", 2),
    ),
)
N_OF = Noun(
    "n_of",
    "Number of successes",
    "So many must succeed.",
    (key("n_of", whole(1, 1000), "How many.", 2, required=True),),
)
FOR_EACH = Noun(
    "for_each",
    "For each",
    "Steps for each element of a list, at most 1,000; results in order at `steps.<id>.items`.",
    (
        key("in", _ITEMS, "The list.", "${items}", required=True),
        key("as", _ITEM, "Name of the element in the steps.", "line", default="item"),
        key(
            "steps",
            FIRST_STEPS,
            "What to do with each.",
            [{"id": "reserve", "execute": [{"emit": {"event": "stock.reserve"}}]}],
            required=True,
        ),
        key("concurrency", whole(1, 1000), "Most elements at once.", 5, default=1),
        key("strategy", _STRATEGY, "As of `parallel`.", "all_settled", default="all"),
    ),
)
REPEAT = Noun(
    "repeat",
    "Repeat",
    "Steps that are run again until a condition holds.",
    (
        key(
            "steps",
            FIRST_STEPS,
            "What to do in each round.",
            POLL,
            required=True,
        ),
        key(
            "until",
            CONDITION,
            "Looked at after each round; where it holds, the flow goes on.",
            {"steps.ask.output.body.state": {"eq": "ready"}},
            required=True,
        ),
        key(
            "max",
            whole(1, 1000),
            "Most rounds; after them the step fails with `repeat_exhausted`.",
            60,
            required=True,
        ),
    ),
)
WORKFLOW = Noun(
    "child_workflow",
    "Workflow",
    "A child execution of another workflow; its result stands at `steps.<id>`.",
    (
        key("name", _CHILD, "Name of the workflow.", "refund", required=True),
        key("input", _INPUT, "Payload of the child.", {"order_id": "${order_id}"}, default={}),
        key("version", _VERSION, "Which version.", 3, default="latest"),
        key("wait", FLAG, "Whether to pause until it has ended.", False, default=True),
    ),
)
RETRY = Noun(
    "retry",
    "Retry",
    "How often and how soon a failed attempt is tried again.",
    (
        key("max", whole(0, 10), "Retries after the first attempt.", 5, default=3),
        key(
            "backoff",
            words("exponential", "linear", "fixed"),
            "How the pause grows.",
            "linear",
            default="exponential",
        ),
        key("base", DURATION, "The first pause.", "5s", default="1s"),
        key("cap", DURATION, "The longest pause.", "10m", default="60s"),
        key(
            "jitter",
            words("full", "none"),
            "Whether the pause is a random part of its length.",
            "none",
            default="full",
        ),
    ),
)

NOUNS = (ALLOW, BLOCK, PARALLEL, N_OF, FOR_EACH, REPEAT, WORKFLOW, RETRY)
