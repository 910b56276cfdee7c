"""Lists of steps: shape, ids, order, branches; compiled to a flat table of steps."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from engine.definition import (
    DEFAULT_RETRY,
    AllowVerb,
    ApprovalVerb,
    BlockVerb,
    ConditionVerb,
    ExecuteVerb,
    InDoubt,
    Step,
    Verb,
    WaitVerb,
)
from engine.hints import nearest
from engine.ids import StepPath
from engine.loading.actions import read_actions
from engine.loading.approval import BRANCHES, read_approval
from engine.loading.branching import read_for_each, read_parallel, read_repeat, read_workflow
from engine.loading.endings import stops, warn_of_unreached
from engine.loading.ids import StepIds
from engine.loading.node import Fields, Node
from engine.loading.retry import read_retry
from engine.loading.scope import Visible
from engine.loading.wait import read_wait

VERBS = (
    "condition",
    "allow",
    "block",
    "execute",
    "parallel",
    "wait",
    "approval",
    "for_each",
    "repeat",
    "workflow",
)
COMMON = ("id", "when", "on_error")
APPROVAL_BRANCHES = (*BRANCHES, "on")
BESIDE: Mapping[str, tuple[str, ...]] = {
    "condition": ("on_true", "on_false"),
    "allow": (),
    "block": APPROVAL_BRANCHES,
    "execute": ("retry", "timeout", "continue_on_error", "on_in_doubt", "compensate"),
    "wait": ("on_timeout", "refresh"),
    "approval": (*APPROVAL_BRANCHES, "refresh"),
    "parallel": ("timeout",),
    "for_each": ("timeout",),
    "repeat": (),
    "workflow": ("timeout", "compensate"),
}
OWN_TIMEOUT = ("parallel", "for_each", "workflow")
"""Verbs whose timeout is in all, not per attempt."""
KEYS_AROUND = frozenset({*COMMON, *(key for keys in BESIDE.values() for key in keys)})
IN_DOUBT: Mapping[str, InDoubt] = {"retry": "retry", "fail": "fail", "ask": "ask"}
MAX_NESTING = 16
NO_STEP = StepPath("")


@dataclass(slots=True)
class StepTable:
    """The steps of one definition as they are read."""

    plugged_in: Collection[str]
    resources: Collection[str] | None = None
    loaded: Collection[str] = ()
    """Paths of the context that `context.load` fills."""
    steps: dict[StepPath, Step] = field(default_factory=dict)
    ids: StepIds = field(default_factory=StepIds)
    visible: Visible = field(default_factory=Visible)

    def read_list(
        self,
        node: Node,
        enclosing: StepPath,
        then: StepPath | None,
        seen: tuple[str, ...],
        depth: int = 1,
    ) -> StepPath | None:
        """Read a list of steps; return the path of the first, None for an empty list.

        `then` follows the last step; `seen` are the ids of the steps that come before.
        """
        items = node.items()
        if depth > MAX_NESTING:
            node.mistake(f"steps nest at most {MAX_NESTING} deep")
            return None
        ids = [_id_of(item) for item in items]
        prefix = f"{enclosing}/" if enclosing else ""
        paths = [StepPath(f"{prefix}{id}") for id in ids]
        for number, item in enumerate(items):
            following = paths[number + 1] if number + 1 < len(paths) else then
            later = dict(zip(ids[number + 1 :], paths[number + 1 :], strict=True))
            place = _Place(paths[number], following, later, (*seen, *ids[:number]), depth)
            self._read_step(item, place)
        if not self.visible.undone:
            warn_of_unreached(items, [self.steps.get(path) for path in paths])
        return paths[0] if paths else None

    def _read_step(self, node: Node, place: "_Place") -> None:
        if not isinstance(node.value, Mapping):
            node.mistake("a step is a mapping with an id and one verb")
            return
        verbs = [verb for verb in VERBS if verb in node.value]
        if len(verbs) != 1:
            self._explain_verbs(node, verbs)
            self.ids.note_unread(node)
            self.visible.note_unread(node.value)
            return
        verb = verbs[0]
        fields = node.fields((*COMMON, verb, *BESIDE[verb]), required=("id",))
        self.ids.note(node)
        step = _StepReader(self, fields, place).read(verb)
        self.steps[place.path] = step
        self.visible.note_step(step, place.seen, node)

    def _explain_verbs(self, node: Node, verbs: list[str]) -> None:
        if verbs:
            node.mistake(f"a step has one verb, this has {' and '.join(verbs)}: make two steps")
        else:
            node.mistake(f"a step needs one of: {', '.join(VERBS)}{_unknown_verb(node)}")


def _unknown_verb(node: Node) -> str:
    """Name the step and the key that stands where a verb should (requirements.md S29)."""
    keys = node.value if isinstance(node.value, Mapping) else ()
    for key in keys:
        if key == "action":
            return f"; the step {_id_of(node)!r} has 'action': write allow, block or execute for it"
        if key not in KEYS_AROUND:
            return f"; the step {_id_of(node)!r} has {key!r}{nearest(str(key), VERBS)}"
    return ""


def _id_of(node: Node) -> str:
    value = node.value.get("id") if isinstance(node.value, Mapping) else None
    return value if isinstance(value, str) else f"step{node.at[-1]}"


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a step stands: what follows it, what may be jumped to, what came before."""

    path: StepPath
    then: StepPath | None
    later: Mapping[str, StepPath]
    seen: tuple[str, ...]
    depth: int


@dataclass(frozen=True, slots=True)
class _StepReader:
    table: StepTable
    fields: Fields
    place: _Place

    def read(self, verb: str) -> Step:
        """Read the step around its verb."""
        fields = self.fields
        when, timeout = fields.get("when"), fields.get("timeout")
        retry, on_error = fields.get("retry"), fields.get("on_error")
        return Step(
            id=_id_of(fields.node),
            path=self.place.path,
            verb=self._verb(verb, fields.known[verb]),
            then=self.place.then,
            when=when.condition() if when is not None else None,
            retry=read_retry(retry) if retry is not None else DEFAULT_RETRY,
            timeout=timeout.duration() if timeout is not None and verb not in OWN_TIMEOUT else None,
            on_error=self._needed(on_error, "on_error"),
            on_in_doubt=self._in_doubt(),
            compensate=self._compensate(),
            refresh=self._refresh(),
        )

    def _verb(self, verb: str, node: Node) -> Verb:
        match verb:
            case "parallel":
                return read_parallel(node, self.fields, self._inside)
            case "for_each":
                return read_for_each(node, self.fields, self._inside)
            case "repeat":
                return read_repeat(node, self._inside)
            case "workflow":
                return read_workflow(node, self.fields)
            case _:
                return self._plain_verb(verb, node)

    def _plain_verb(self, verb: str, node: Node) -> Verb:
        match verb:
            case "condition":
                return ConditionVerb(
                    node.condition(), self._target("on_true"), self._target("on_false")
                )
            case "allow":
                return self._allow(node)
            case "block":
                return self._block(node)
            case "execute":
                flag = self.fields.get("continue_on_error")
                actions = read_actions(node, self.table.plugged_in, self.table.resources)
                return ExecuteVerb(actions, flag.boolean() if flag is not None else False)
            case "wait":
                what = read_wait(node, self.fields)
                return WaitVerb(what, self._needed(self.fields.get("on_timeout"), "on_timeout"))
            case _:
                return ApprovalVerb(
                    read_approval(node, self.fields, self._of_outcome, self._of_outcome)
                )

    def _branch(self, node: Node) -> StepPath | None:
        """Read the steps of a branch; its last step is followed by what follows this one."""
        return self._followed(node, self.place.then)

    def _of_outcome(self, node: Node, _: str) -> StepPath | None:
        return self._branch(node)

    def _followed(self, node: Node, then: StepPath | None) -> StepPath | None:
        place = self.place
        seen = (*place.seen, _id_of(self.fields.node))
        return self.table.read_list(node, place.path, then, seen, place.depth + 1)

    def _needed(self, node: Node | None, key: str) -> StepPath | None:
        """Read a branch that changes nothing where it is empty, which is hardly meant."""
        if node is None:
            return None
        if node.value == []:
            node.mistake(f"an empty {key} is as none: the step fails; write steps, or remove it")
        return self._branch(node)

    def _inside(self, node: Node, name: str) -> StepPath | None:
        """Read steps that run on a line of their own: nothing follows the last one."""
        place = self.place
        enclosing = StepPath(f"{place.path}/{name}") if name else place.path
        seen = (*place.seen, _id_of(self.fields.node))
        return self.table.read_list(node, enclosing, None, seen, place.depth + 1)

    def _compensate(self) -> StepPath | None:
        node = self.fields.get("compensate")
        if node is None:
            return None
        visible = self.table.visible
        outer, visible.undone = visible.undone, _id_of(self.fields.node)
        first = self._inside(node, "")
        visible.undone = outer
        return first

    def _refresh(self) -> tuple[str, ...]:
        node = self.fields.get("refresh")
        if node is None:
            return ()
        paths = node.texts()
        for path in paths:
            if path not in self.table.loaded:
                known = ", ".join(self.table.loaded) or "nothing here"
                hint = nearest(path, self.table.loaded)
                node.mistake(f"{path!r} is not loaded by context.load{hint} (there is: {known})")
        return paths

    def _target(self, key: str) -> StepPath | None:
        """Read steps, or the id of a later step of the same list (D9)."""
        node = self.fields.get(key)
        if node is None:
            return None
        if isinstance(node.value, list):
            return self._branch(node)
        if not isinstance(node.value, str):
            node.mistake(f"{key} needs a list of steps, or the id of a later step of this list")
            return None
        target = self.place.later.get(node.value)
        if target is None:
            later = ", ".join(self.place.later) or "none here"
            node.mistake(
                f"{node.value!r} is no later step of this list; jumps go forward only ({later})"
            )
            return None
        ids = list(self.place.later)
        self.table.visible.jumped.update(ids[: ids.index(node.value)])
        return target

    def _allow(self, node: Node) -> AllowVerb:
        fields = node.fields(("reason", "stop"))
        reason, stop = fields.get("reason"), fields.get("stop")
        return AllowVerb(
            reason.line() if reason is not None else None,
            stop.boolean() if stop is not None else False,
        )

    def _block(self, node: Node) -> BlockVerb:
        fields = node.fields(("code", "reason", "approval"), required=("code",))
        code, reason, approval = (fields.get(key) for key in ("code", "reason", "approval"))
        if approval is None:
            for key in APPROVAL_BRANCHES:
                if key in self.fields:
                    self.fields.known[key].mistake(f"{key} needs a block with an approval")
        verb = BlockVerb(
            code.word() if code is not None else "",
            reason.line() if reason is not None else None,
        )
        if approval is None:
            return verb

        def read_refused(node: Node, outcome: str) -> StepPath | None:
            return self._ending_blocked(node, outcome, verb)

        spec = read_approval(approval, self.fields, self._of_outcome, read_refused)
        return replace(verb, approval=spec)

    def _ending_blocked(self, node: Node, outcome: str, verb: BlockVerb) -> StepPath | None:
        """Read the branch of what was not approved: unless its last step ends, a block does."""
        id, steps = _id_of(self.fields.node), self.table.steps
        end = StepPath(f"{self.place.path}/{outcome}/{id}")
        first = self._followed(node, end)
        if any(step.then == end and not stops(step) for step in steps.values()):
            steps[end] = Step(id, end, verb)
        return first

    def _in_doubt(self) -> InDoubt | None:
        node = self.fields.get("on_in_doubt")
        return None if node is None else IN_DOUBT[node.choice(IN_DOUBT)]
