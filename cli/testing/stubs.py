"""What calls and loads are answered in a test: stubs, resources, and sensible defaults."""

from collections.abc import Iterator, Mapping
from typing import Any

from cli.testing.documents import Case
from engine.effects import StartChild, WriteRecord
from engine.errors import SluicegateError
from engine.ids import StepPath
from engine.rehearsal import Answer, Asked, Records, Row, Succeeds

HTTP = ("webhook", "http_request")


class NoAnswer(SluicegateError):
    """A test reached a call that it does not say the answer of."""


class Stubs:
    """The answers of one test; a list is used call by call, its last answer again and again."""

    def __init__(self, case: Case, declared: Mapping[str, Any]) -> None:
        self._case, self._declared = case, declared
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
            return Succeeds({"result": "allowed"})
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
        return answers[min(number, len(answers) - 1)]

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
        bare, id = "/".join(p for p in path.split("/") if not p.isdigit()), path.rpartition("/")[2]
        for step in dict.fromkeys((path, bare, id)):
            yield f"{step}.{kind}"
            yield step
    yield kind
