"""What one transaction writes, when its own steps withdraw what others asked for."""

from engine.advance import advance
from engine.inputs import Started
from streams.ledger import Ledger
from streams.outbound import Outbound
from streams.topics import Topics
from tests.builders import NOW, a_definition, an_execution

RACE = a_definition("""
steps:
  - id: fork
    parallel:
      strategy: race
      branches:
        slow: [{id: written, execute: [{create_record: {entity: e, id: "1", set: {}}}]}]
        quick: [{id: ok, allow: {}}]
""")


# S40
def test_a_record_that_a_losing_branch_asked_for_is_not_written() -> None:
    execution, effects = advance(RACE, an_execution(RACE), Started(NOW, {}))
    assert execution.ended
    ledger = Ledger(Outbound(Topics("t."), "events"))
    ledger.take(execution, effects)
    assert (ledger.record_writes, ledger.dropped_effects) == ([], set())
