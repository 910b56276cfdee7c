"""Random definitions over the whole language, each spelled by some bytes: zeros spell the least."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from io import StringIO

from ruamel.yaml import YAML

from engine.definition import Definition
from engine.loading.definition import read_definition

Body = dict[str, object]
Steps = list[Body]
Visible = list[str]
"""Ids of the steps that may be referred to."""

PEOPLE = ["ada", "ben", "cleo"]
STRATEGIES: list[object] = ["all", "any", "race", {"n_of": 2}, "all_settled"]
LENGTHS = (290_000, 3_100_000, 21_000_000, 110_000_000)
"""About 5 minutes, 50 minutes, 6 hours, 30 hours; in milliseconds, each use a bit longer."""
MOST_STEPS = 11
DEEPEST = 3


@dataclass(slots=True)
class Draft:
    """A definition while it is spelled out."""

    choices: bytes
    read: int = 0
    steps_left: int = MOST_STEPS
    named: int = 0
    lengths: int = 0
    loads: bool = False
    inside: list[str] = field(default_factory=list)
    """Names of what only the steps around see: `item` of a loop, `error` of an `on_error`."""
    in_undo: bool = False

    def pick(self, among: int) -> int:
        """Return the next choice, 0 when there is none left."""
        byte = self.choices[self.read] if self.read < len(self.choices) else 0
        self.read += 1
        return byte % among

    def one_in(self, among: int) -> bool:
        """Tell whether a rare thing is chosen."""
        return self.pick(among) == among - 1

    def length(self) -> str:
        """Return a duration that no other place of the definition has."""
        self.lengths += 1
        return f"{LENGTHS[self.pick(4)] + 1_009 * self.lengths + self.lengths**2}ms"

    def id(self) -> str:
        """Return a fresh step id."""
        self.named += 1
        self.steps_left -= 1
        return f"s{self.named}"

    def list(self, visible: Visible, depth: int, most: int = 3) -> Steps:
        """Return some steps; what they leave readable is added to `visible`."""
        steps: Steps = []
        for _ in range(1 + self.pick(most)):
            if self.steps_left > 0 or not steps:
                steps.append(self.step(visible, depth))
        self._jump(steps)
        return steps

    def _jump(self, steps: Steps) -> None:
        """Let a condition jump over what follows it."""
        for number, step in enumerate(steps[:-2]):
            if "condition" in step and "on_true" not in step:
                step["on_true"] = steps[number + 2]["id"]

    def step(self, visible: Visible, depth: int) -> Body:
        """Return one step with all that stands around its verb."""
        verbs = FLAT if depth >= DEEPEST or self.steps_left <= 1 else FLAT + NESTED
        spell = verbs[self.pick(len(verbs))]
        step: Body = {"id": self.id()}
        inner = list(visible)
        spell(self, step, inner, depth)
        if self.one_in(6):
            step["when"] = self.condition(visible)
        if "on_error" not in self.inside and depth < DEEPEST and self.one_in(4):
            step["on_error"] = self._on_error([*visible, str(step["id"])], depth)
        is_loop = "for_each" in step or "repeat" in step
        visible += [id for id in inner if id not in visible and not is_loop]
        visible.append(str(step["id"]))
        return step

    def _on_error(self, visible: Visible, depth: int) -> Steps:
        self.inside.append("on_error")
        steps = self.list(visible, depth + 1, 2)
        self.inside.pop()
        return steps

    def text(self, visible: Visible) -> str:
        """Return a text that reads something of what came before."""
        if self.inside and self.one_in(2):
            return "${error.code}" if self.inside[-1] == "on_error" else "item ${index}: ${item}"
        if not visible or self.one_in(3):
            return "total ${total}"
        id, part = visible[self.pick(len(visible))], ("output", "status")[self.pick(2)]
        return f"${{steps.{id}.{part}}}" if self.one_in(8) else f"${{steps.{id}.{part}:-none}}"

    def condition(self, visible: Visible) -> Body:
        """Return a condition over the payload, or over what came before."""
        plain: Body = {"total": {"gte": (5, 15, 40)[self.pick(3)]}}
        match self.pick(5):
            case 1 if visible:
                id = visible[self.pick(len(visible))]
                return {f"steps.{id}.status": {"eq": ("completed", "failed")[self.pick(2)]}}
            case 2:
                return {"not": plain}
            case 3:
                return {"all": [plain, {"customer": {"exists": True}}]}
            case 4:
                return {"any": [plain, {"customer": {"eq": None}}]}
            case _:
                return plain


def _log(draft: Draft, step: Body, visible: Visible, depth: int) -> None:
    step["execute"] = [{"log": {"message": "read", "fields": {"read": draft.text(visible)}}}]


def _actions(draft: Draft, step: Body, visible: Visible, depth: int) -> None:
    actions = [_action(draft, visible) for _ in range(1 + draft.pick(3))]
    step["execute"] = actions
    if draft.one_in(3):
        step["retry"] = {
            "max": draft.pick(3),
            "backoff": ("exponential", "linear", "fixed")[draft.pick(3)],
            "jitter": ("full", "none")[draft.pick(2)],
            "base": "40s",
        }
    if draft.one_in(4):
        step["continue_on_error"] = True
    if draft.one_in(3):
        step["on_in_doubt"] = ("fail", "ask")[draft.pick(2)]
    _undo(draft, step, visible, depth)


def _action(draft: Draft, visible: Visible) -> Body:
    text = draft.text(visible)
    match draft.pick(5):
        case 1:
            return {"emit": {"event": "told", "data": {"text": text}}}
        case 2:
            return {"create_record": {"entity": "thing", "id": "${total}", "set": {"text": text}}}
        case 3:
            return {"notify": {"channel": "email", "to": "a@x.example", "message": text}}
        case 4:
            # Each at a path of its own: branches may not write one path (S46).
            return {"load": {"resource": "extra", "id": text, "into": f"extra_{draft.named}"}}
        case _:
            return {"webhook": {"url": "https://x.example/", "json": {"text": text}}}


def _undo(draft: Draft, step: Body, visible: Visible, depth: int) -> None:
    """Let a step be undone; what undoes it is not undone itself."""
    if draft.in_undo or depth >= DEEPEST or not draft.one_in(3):
        return
    draft.in_undo = True
    step["compensate"] = draft.list([*visible, str(step["id"])], depth + 1, 2)
    draft.in_undo = False


def _allow(draft: Draft, step: Body, visible: Visible, depth: int) -> None:
    step["allow"] = {"reason": "fine: ${total}"}
    if draft.one_in(6):
        step["allow"] = {"stop": True}


def _block(draft: Draft, step: Body, visible: Visible, depth: int) -> None:
    if draft.one_in(3):
        step["block"] = {"code": "stopped", "reason": "not with ${total}"}
    else:
        _asking_block(draft, step, visible, depth)


def _asking_block(draft: Draft, step: Body, visible: Visible, depth: int) -> None:
    spec: Body = {"title": "May it?", "anyone": True}
    if draft.one_in(2):
        spec["expires_in"] = draft.length()
    step["block"] = {"code": "held", "approval": spec}
    if depth < DEEPEST and draft.one_in(3):
        step["on_rejected"] = draft.list(visible, depth + 1, 2)


def _wait_event(draft: Draft, step: Body, visible: Visible, depth: int) -> None:
    what = _event(draft)
    step["wait"] = what
    if "timeout" in what and depth < DEEPEST and draft.one_in(2):
        step["on_timeout"] = draft.list(visible, depth + 1, 2)
    _refresh(draft, step)


def _event(draft: Draft) -> Body:
    what: Body = {"event": "paid", "match": {"id": "${total}"}}
    if draft.one_in(2):
        what["timeout"] = draft.length()
    if draft.one_in(3):
        what["when"] = {"n": {"lt": 3}}
    return what


def _refresh(draft: Draft, step: Body) -> None:
    if draft.loads and draft.one_in(2):
        step["refresh"] = [["rates"], ["more"], ["more", "rates"]][draft.pick(3)]


def _wait_events(draft: Draft, step: Body, visible: Visible, depth: int) -> None:
    events = [_event(draft), _event(draft)]
    step["wait"] = {("any_of", "all_of")[draft.pick(2)]: events}
    timed = any("timeout" in event for event in events)
    if timed and depth < DEEPEST and draft.one_in(2):
        step["on_timeout"] = draft.list(visible, depth + 1, 2)


def _wait_time(draft: Draft, step: Body, visible: Visible, depth: int) -> None:
    until = "2026-03-02T11:30:00Z"
    step["wait"] = {"until": until} if draft.one_in(4) else {"for": draft.length()}
    _refresh(draft, step)


def _approval(draft: Draft, step: Body, visible: Visible, depth: int) -> None:
    spec: Body = {"title": "Total ${total}"}
    _policy(draft, spec)
    if draft.one_in(2):
        spec["expires_in"] = expiry = draft.length()
        if draft.one_in(3):
            spec["remind_every"] = f"{int(expiry[:-2]) // 3}ms"
        if "users" in spec and "all" not in str(spec.get("policy")) and draft.one_in(2):
            spec["escalate"] = {"after": f"{int(expiry[:-2]) // 2 + 7}ms", "users": ["zoe"]}
    outcomes = ["approved", "rejected"]
    if draft.one_in(5):
        outcomes = ["fine", "bad"]
        spec["outcomes"] = outcomes
    if draft.one_in(4):
        spec["exclude"] = ["cleo"]
    step["approval"] = spec
    for outcome in (*outcomes, "expired"):
        if depth < DEEPEST and draft.one_in(4):
            branch = draft.list(list(visible), depth + 1, 2)
            if outcome in ("fine", "bad"):
                step["on"] = {outcome: branch}
            else:
                step[f"on_{outcome}"] = branch
    _refresh(draft, step)


def _policy(draft: Draft, spec: Body) -> None:
    kind = draft.pick(6)
    if kind == 5:
        stages = [{"users": ["ada", "ben"]}, {"users": ["ben", "cleo"]}]
        spec["policy"] = {"sequence": stages, "veto": draft.one_in(2)}
        return
    if kind in (0, 1, 3):
        spec["anyone"] = True
    else:
        spec["users"] = list(PEOPLE)
    if kind in (1, 2):
        spec["policy"] = {"n_of": 2, "veto": draft.one_in(2)}
    elif kind == 4:
        spec["policy"] = {"all": ["ada", "ben"], "veto": draft.one_in(2)}


def _workflow(draft: Draft, step: Body, visible: Visible, depth: int) -> None:
    verb: Body = {"name": "child", "input": {"text": draft.text(visible)}}
    step["workflow"] = verb
    if draft.one_in(4):
        verb["wait"] = False
    elif draft.one_in(3):
        step["timeout"] = draft.length()
    _undo(draft, step, visible, depth)


def _condition(draft: Draft, step: Body, visible: Visible, depth: int) -> None:
    step["condition"] = draft.condition(visible)
    known = list(visible)
    for branch in ("on_true", "on_false"):
        if depth < DEEPEST and draft.one_in(3):
            seen = list(known)
            step[branch] = draft.list(seen, depth + 1, 2)
            visible += [id for id in seen if id not in visible]


def _parallel(draft: Draft, step: Body, visible: Visible, depth: int) -> None:
    strategy = STRATEGIES[draft.pick(5)]
    branches: dict[str, Steps] = {}
    known = [*visible]
    for name in ("b", "a", "c")[: 2 + draft.pick(2)]:
        seen = list(known)
        branches[name] = draft.list(seen, depth + 1, 2)
        visible += [id for id in seen if id not in visible]
    step["parallel"] = {"strategy": strategy, "branches": branches}
    if draft.one_in(4):
        step["parallel"] = {"strategy": strategy, "branches": branches, "concurrency": 1}
    if draft.one_in(4):
        step["timeout"] = draft.length()


def _for_each(draft: Draft, step: Body, visible: Visible, depth: int) -> None:
    verb: Body = {"in": ("${items}", [7, 8], "${total}")[draft.pick(8) % 7 % 3]}
    draft.inside.append("item")
    verb["steps"] = draft.list(list(visible), depth + 1, 2)
    draft.inside.pop()
    if draft.one_in(2):
        verb["concurrency"] = 2
    if draft.one_in(3):
        verb["strategy"] = STRATEGIES[draft.pick(5)]
    step["for_each"] = verb
    if draft.one_in(4):
        step["timeout"] = draft.length()


def _repeat(draft: Draft, step: Body, visible: Visible, depth: int) -> None:
    inner = list(visible)
    steps = draft.list(inner, depth + 1, 2)
    until: Body = {"round": {"gte": 1 + draft.pick(3)}}
    if draft.one_in(3):
        until = {f"steps.{steps[0]['id']}.status": {"eq": "completed"}}
    step["repeat"] = {"steps": steps, "until": until, "max": 1 + draft.pick(3)}


Spell = Callable[[Draft, Body, Visible, int], None]
FLAT: tuple[Spell, ...] = (
    _log,
    _actions,
    _wait_time,
    _wait_event,
    _approval,
    _actions,
    _wait_events,
    _allow,
    _block,
    _workflow,
)
NESTED: tuple[Spell, ...] = (_condition, _parallel, _for_each, _repeat, _parallel, _for_each)


def a_body(choices: bytes) -> Body:
    """Return the definition that some bytes spell, as data."""
    draft = Draft(choices)
    body: Body = {"name": "random", "trigger": {"event": "thing.made"}}
    draft.loads = draft.one_in(5)
    if draft.loads:
        rates = {"resource": "rates", "id": "${total}", "optional": draft.one_in(2)}
        more = {"resource": "more", "id": "${total}"}
        body["context"] = {"load": {"rates": rates, "more": more}}
    if draft.one_in(5):
        body["timeout"] = draft.length()
        body["include_paused"] = draft.one_in(2)
    body["steps"] = draft.list([], 1, 4)
    if draft.one_in(4):
        draft.inside.append("on_error")
        body["on_error"] = draft.list([], 2, 2)
    return body


@lru_cache(maxsize=4096)
def a_program(choices: bytes) -> Definition:
    """Return a checked definition; whatever the bytes spell has no mistakes."""
    definition, findings = read_definition(a_body(choices), version=1)
    assert not findings.mistakes, findings.mistakes
    return definition


@dataclass(frozen=True, slots=True, repr=False)
class Written:
    """A definition as somebody would write it, for the report of a failure."""

    body: Body

    def __repr__(self) -> str:
        """Return the definition as YAML."""
        text = StringIO()
        YAML().dump(self.body, text)
        return text.getvalue()


def steps_of(value: object) -> Steps:
    """Return all steps of a definition's data, however deep."""
    found: Steps = []
    if isinstance(value, Mapping):
        if isinstance(value.get("id"), str) and len(value) > 1:
            found.append(dict(value))
        value = list(value.values())
    for inner in value if isinstance(value, list) else ():
        found += steps_of(inner)
    return found
