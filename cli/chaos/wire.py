"""The records of a run: events, signals, decisions, poison."""

from dataclasses import dataclass

import orjson

from cli.chaos.cases import POISONS, Case
from cli.chaos.definition import ASKED, NAME, SIGNALLED, SOURCE
from engine.ids import ExecutionId, StepPath, execution_id, public_id, wait_id
from streams.codecs import Outgoing, cloud_headers
from streams.topics import Topics

ASK = StepPath("ask")
ACCOUNTS = 20
"""Few, so that most loads are served by the caches; a killed Redis brings them back."""


@dataclass(frozen=True, slots=True)
class Wire:
    """Names of one run: its topics, and the prefix of its ids."""

    topics: Topics
    events_topic: str
    run: str

    def id_of(self, number: int) -> str:
        """Return the event id of an execution, which is its `n` too."""
        return f"{self.run}-{number}"

    def number_of(self, n: object) -> int | None:
        """Return which execution of this run an `n` names, if any."""
        run, _, digits = str(n).rpartition("-")
        return int(digits) if run == self.run and digits.isdigit() else None

    def asked(self, case: Case) -> Outgoing:
        """Return the event that starts an execution."""
        id = self.id_of(case.number)
        data = {"n": id, "plan": case.plan, "account": str(case.number % ACCOUNTS)}
        headers = cloud_headers(ASKED, SOURCE, id, None)
        return Outgoing(self.events_topic, id, orjson.dumps(data), headers)

    def signal(self, number: int) -> Outgoing:
        """Return the event that an execution waits for."""
        id = f"{self.id_of(number)}-signal"
        headers = cloud_headers(SIGNALLED, SOURCE, id, None)
        data = orjson.dumps({"n": self.id_of(number)})
        return Outgoing(self.events_topic, id, data, headers)

    def poison(self, which: int, key: str) -> Outgoing:
        """Return a record that nobody can use."""
        where, value = POISONS[which]
        if where == "decisions":
            return Outgoing(self.topics.decisions, key, value, {})
        return Outgoing(self.events_topic, key, value, cloud_headers(ASKED, SOURCE, key, None))

    def execution_of(self, number: int, timestamp_ms: int) -> ExecutionId:
        """Return the id that an execution will have: ids are deterministic."""
        return execution_id(NAME, SOURCE, self.id_of(number), timestamp_ms)

    def early(self, case: Case, timestamp_ms: int, decision_id: str) -> Outgoing:
        """Return a decision of a request that nobody has opened yet."""
        execution = self.execution_of(case.number, timestamp_ms)
        return self.decision(
            public_id(execution), wait_id(execution, ASK), decision_id, case.outcome
        )

    def decision(self, execution: str, request: str, decision_id: str, outcome: str) -> Outgoing:
        """Return a decision."""
        value = {
            "decision_id": decision_id,
            "execution_id": execution,
            "request_id": request,
            "outcome": outcome,
            "decided_by": "chaos@example.com",
        }
        return Outgoing(self.topics.decisions, execution, orjson.dumps(value), {})
