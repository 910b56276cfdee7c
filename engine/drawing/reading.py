"""A definition's text as data, read as a graph."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from engine.definition import Definition
from engine.drawing.outcomes import outcomes_of
from engine.drawing.wording import Body, about, condition, detail, listed, mapping, said, trigger
from engine.graph import Branch, Graph, Item, Jump, Kind, Node, Way
from engine.ids import StepPath

VERBS: tuple[Kind, ...] = (
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
LIMITS = ("key", "on_busy", "schedule", "cancel_on", "concurrency", "debounce", "batch")


def graph_of(definition: Definition) -> Graph:
    """Return the graph of a definition; it is read from its body."""
    body = definition.body
    reader = _Reader({step.id: path for path, step in definition.steps.items()})
    failing = reader.steps(body.get("on_error"), "")
    begin = Item(Node(":on_error", "start", "on_error", "when a step failed for good"))
    graph = Graph(
        definition.name,
        definition.description,
        tuple(_starts(body)),
        (*_context(mapping(body.get("context"))), *reader.steps(body.get("steps"), "")),
        (begin, *failing) if failing else (),
    )
    return _ended(graph)


def _ended(graph: Graph) -> Graph:
    """Return a graph with its ends, where some way leads to them."""
    end, failed = _end(":end", "end"), _end(":failed", "failed")
    whole = replace(graph, items=(*graph.items, end))
    if graph.failing:
        whole = replace(whole, failing=(*graph.failing, failed))
    reached = {edge.target for edge in whole.edges}
    return replace(
        whole,
        items=whole.items if end.node.id in reached else graph.items,
        failing=whole.failing if failed.node.id in reached else graph.failing,
    )


def _end(id: str, kind: Kind) -> Item:
    return Item(Node(id, kind, kind), on=None)


def _starts(body: Body) -> Iterator[Node]:
    written = body.get("trigger")
    triggers = written if isinstance(written, list) else [written]
    for number, found in enumerate(map(mapping, triggers)):
        when = f"when {condition(found['when'])}" if "when" in found else ""
        limits = (f"{key.replace('_', ' ')}: {said(found[key])}" for key in LIMITS if key in found)
        lines = "\n".join(line for line in (trigger(found), when, *limits) if line)
        yield Node(f":start:{number}", "start", trigger(found), when, lines)


def _context(body: Body) -> Iterator[Item]:
    loads, derived = mapping(body.get("load")), mapping(body.get("derive"))
    lines = [f"load {path}: {said(mapping(load).get('resource'))}" for path, load in loads.items()]
    for name, value in derived.items():
        inner = mapping(value)
        computed = said(inner["value"]) if inner.keys() == {"value"} else condition(inner)
        lines.append(f"{name}: {computed}")
    if lines:
        text = ", ".join((*loads, *derived))
        yield Item(Node(":context", "context", "context", text, "\n".join(lines)))


def _straightened(item: Item, after: StepPath | None) -> Item:
    """Return an item whose jump to the next step is its way straight on."""
    straight = [jump for jump in item.jumps if jump.target == after]
    if not straight:
        return item
    onwards = ", ".join((*(jump.label for jump in straight), *([item.on] if item.on else ())))
    beside = (*(replace(branch, way="aside") for branch in item.below), *item.beside)
    jumps = tuple(jump for jump in item.jumps if jump not in straight)
    return replace(item, on=onwards, below=(), beside=beside, jumps=jumps)


class _Reader:
    """Reads lists of steps; the paths of steps are those of the compiled definition."""

    def __init__(self, paths: Mapping[str, StepPath]) -> None:
        self._paths = paths

    def steps(self, value: object, inside: str) -> tuple[Item, ...]:
        """Return the items of a list of steps; `inside` is the path of what holds it."""
        steps = [mapping(step) for step in listed(value)]
        paths = [self._path(step, inside) for step in steps]
        targets = {said(step.get("id")): path for step, path in zip(steps, paths, strict=True)}
        items = [self._item(step, inside, targets) for step in steps]
        after = (*paths, None)[1:]
        return tuple(_straightened(item, path) for item, path in zip(items, after, strict=True))

    def _path(self, step: Body, inside: str) -> StepPath:
        id = said(step.get("id"))
        return self._paths.get(id) or StepPath(f"{inside}/{id}" if inside else id)

    def _item(self, step: Body, inside: str, targets: Mapping[str, StepPath]) -> Item:
        verb: Kind = next((verb for verb in VERBS if verb in step), "execute")
        id, path, value = said(step.get("id")), self._path(step, inside), step.get(verb)
        lines = about(id, verb, step)
        node = Node(path, verb, id, detail(verb, value), lines, path, "when" in step)
        return self._around(self._verb(node, step, mapping(value), targets), step)

    def _verb(self, node: Node, step: Body, value: Body, targets: Mapping[str, StepPath]) -> Item:
        match node.kind:
            case "condition":
                return self._condition(node, step, targets)
            case "approval":
                return self._approval(node, step, value)
            case "block":
                approval = mapping(value.get("approval"))
                return self._approval(node, step, approval) if approval else Item(node, on=None)
            case "allow":
                return Item(node, on=None if value.get("stop") is True else "")
            case "parallel":
                branches = mapping(value.get("branches")).items()
                inner = [(name, steps, f"{node.id}/{name}") for name, steps in branches]
                return self._framed(node, inner, None)
            case "for_each":
                return self._framed(node, [("", value.get("steps"), node.id)], "next")
            case "repeat":
                most = f"again, at most {said(value.get('max'))} times"
                return self._framed(node, [("", value.get("steps"), node.id)], most)
            case _:
                return Item(node)

    def _condition(self, node: Node, step: Body, targets: Mapping[str, StepPath]) -> Item:
        jumps, branches, missing = [], [], 0
        for key in ("on_true", "on_false"):
            written = step.get(key)
            if isinstance(written, str):
                jumps.append(Jump(key, targets.get(written, StepPath(written))))
            elif listed(written):
                branches += self._branches(key, "branch", written, node)
            else:
                missing += 1
        named = "else" if branches or jumps else ""
        if missing:
            beside = tuple(replace(branch, way="aside") for branch in branches)
            return Item(node, named, beside=beside, jumps=tuple(jumps))
        return Item(node, None, tuple(branches), jumps=tuple(jumps))

    def _approval(self, node: Node, step: Body, approval: Body) -> Item:
        found = outcomes_of(step, approval, blocks=node.kind == "block")
        below: list[Branch] = []
        beside: list[Branch] = []
        for outcome, label, steps, is_first in found.branches:
            straight = is_first and not found.onwards
            side = below if straight else beside
            branches = self._branches(label, "branch" if straight else "aside", steps, node)
            if node.kind == "block" and not is_first and not _stops(listed(steps)[-1]):
                branches = [_ending_blocked(branch, outcome, node) for branch in branches]
            side += branches
        if found.blocked:
            pill = _end(f"{node.id}:blocked", "blocked")
            beside.append(Branch(", ".join(found.blocked), "aside", (pill,)))
        onwards = ", ".join(found.onwards) or None
        return Item(node, onwards, tuple(below), tuple(beside))

    def _framed(
        self, node: Node, branches: list[tuple[str, object, str]], loop: str | None
    ) -> Item:
        inside = tuple(
            Branch(label, "branch", self.steps(steps, path)) for label, steps, path in branches
        )
        below = tuple(branch for branch in inside if branch.items)
        return Item(node, None, below, join=Node(f"{node.id}:join", "join", ""), loop=loop)

    def _branches(self, label: str, way: Way, steps: object, node: Node) -> list[Branch]:
        items = self.steps(steps, node.id)
        return [Branch(label, way, items)] if items else []

    def _around(self, item: Item, step: Body) -> Item:
        """Add what any step may lead to: too late, failed, undone, skipped."""
        node, beside = item.node, list(item.beside)
        beside += self._branches("on_timeout", "aside", step.get("on_timeout"), node)
        if "on_error" not in step and (why := _way_to_fail(node.kind, step)):
            pill = _end(f"{node.id}:failed", "failed")
            beside.append(Branch(why, "error", (pill,)))
        beside += self._branches("on_error", "error", step.get("on_error"), node)
        beside += self._branches("compensate", "undo", step.get("compensate"), node)
        is_passed = item.on is None and node.conditional and not item.below
        return replace(item, on="skipped" if is_passed else item.on, beside=tuple(beside))


def _stops(step: object) -> bool:
    """Tell whether an execution always ends with a step."""
    body = mapping(step)
    if "when" in body or "on_error" in body:
        return False
    ends = "block" in body and "approval" not in mapping(body["block"])
    return ends or mapping(body.get("allow")).get("stop") is True


def _ending_blocked(branch: Branch, outcome: str, node: Node) -> Branch:
    """Return the branch of a block that was not approved with the block at its end."""
    path = StepPath(f"{node.id}/{outcome}/{node.label}")
    end = Item(replace(node, id=path, path=path, conditional=False), on=None)
    return replace(branch, items=(*branch.items, end))


def _way_to_fail(kind: Kind, step: Body) -> str:
    """Return how a step fails by design: no event came in time, or not after all rounds."""
    if kind == "repeat":
        return "exhausted"
    wait = mapping(step.get("wait"))
    waits = (wait, *listed(wait.get("any_of")), *listed(wait.get("all_of")))
    is_bounded = any("timeout" in mapping(one) for one in waits)
    return "timeout" if is_bounded and "on_timeout" not in step else ""
