"""What calls, loads and children are answered in a test: stubs, resources, sensible defaults."""

from collections.abc import Iterator

from actions.definitions import Folder
from cli.testing.documents import Case
from cli.testing.matching import bare
from cli.testing.schemas import problem_of
from engine.answers import Answer, Asked, Doubtful, Fails, Records, Row, Runs, Succeeds
from engine.effects import StartChild, WriteRecord
from engine.errors import SluicegateError
from engine.ids import StepPath

HTTP = ("webhook", "http_request")


class NoAnswer(SluicegateError):
    """A test reached a call that it does not say the answer of."""


class Stubs:
    """The answers of one test; a list is used call by call, its last answer again and again."""

    def __init__(self, case: Case, beside: Folder) -> None:
        self._case, self._declared = case, beside.resources
        self._definitions = {each.name: each for each in beside.definitions}
        self._used: dict[str, int] = {}
        self.records = Records(
            {(row.entity, str(row.id)): Row(row.data, row.version or 1) for row in case.records}
        )

    def answer(self, asked: Asked) -> Answer:
        """Return what a call is answered; raises NoAnswer."""
        if isinstance(asked, WriteRecord):
            return self.records.write(asked)
        kind = "workflow" if isinstance(asked, StartChild) else asked.kind
        for name in _names(asked.path, kind):
            if name in self._case.stubs:
                return self._next(f"stubs {name}", self._case.stubs[name])
        if isinstance(asked, StartChild):
            return self._child(asked)
        if asked.kind == "load":
            return self._load(str(asked.params["resource"]), str(asked.params["id"]))
        if asked.kind in HTTP:
            return Succeeds({"status": 200, "headers": {}, "body": None})
        if asked.kind == "notify":
            return Succeeds({"channel": asked.params.get("channel")})
        raise NoAnswer(
            f"step {asked.path} calls {asked.kind}: say what it answers, under stubs: {asked.kind}"
        )

    def _next(self, name: str, answers: tuple[Answer, ...]) -> Answer:
        number = self._used.get(name, 0)
        self._used[name] = number + 1
        answer = answers[min(number, len(answers) - 1)]
        if isinstance(answer, Doubtful) and number >= len(answers):
            raise NoAnswer(f"{name} is tried again after a doubt: say what it answers then")
        return answer

    def _child(self, asked: StartChild) -> Answer:
        """Let a workflow of the same folder run, as a worker would: enabled, its input checked."""
        definition = self._definitions.get(asked.workflow)
        if definition is None:
            if not asked.awaited:
                return Succeeds()
            raise NoAnswer(
                f"step {asked.path} starts {asked.workflow}, which is not in this folder:"
                f" say how it ends, under stubs: {asked.path.rpartition('/')[2]}"
            )
        if not definition.enabled:
            return Fails("unknown_workflow", f"no enabled workflow is called {asked.workflow}")
        schema = definition.input_schema
        problem = problem_of(schema, asked.payload) if schema is not None else None
        if problem is not None:
            return Fails("invalid_input", f"{asked.workflow}: {problem}")
        return Runs(definition)

    def _load(self, resource: str, id: str) -> Answer:
        for name in (f"{resource}/{id}", resource):
            if name in self._case.resources:
                return self._next(f"resources {name}", self._case.resources[name])
        declaration = self._declared.get(resource, {})
        if declaration.get("kind") == "static":
            data = declaration.get("data") or {}
            return Succeeds(data.get(id, declaration.get("default")))
        raise NoAnswer(
            f"the resource {resource} is read for {id}: give its value, under resources: {resource}"
        )


def _names(path: StepPath, kind: str) -> Iterator[str]:
    """Yield the names under which a call's answer may stand, the most specific first."""
    if path:
        for step in dict.fromkeys((path, bare(path), path.rpartition("/")[2])):
            yield f"{step}.{kind}"
            yield step
    yield kind
