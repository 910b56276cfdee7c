"""Approvals that the deployment does not let a step ask for (security.md, Bounds)."""

from datetime import datetime

import pytest

from engine.advance import advance
from engine.effects import CloseWait, StopTimer, WriteLog
from engine.execution import Status
from engine.ids import WaitId
from engine.inputs import RequestRefused
from tests.builders import a_definition, decided, later, of_kind, one, started, the_wait

ASK = """
steps:
  - id: boss
    approval: {title: "Order", roles: [manager], expires_in: 24h}
"""
HANDLED = """
steps:
  - id: boss
    approval: {title: "Order", roles: [manager]}
    on_error: [{id: told, execute: [{log: {message: "${error.code}"}}]}]
  - {id: after, allow: {}}
"""
BLOCK = """
steps:
  - id: gate
    block: {code: embargo, approval: {title: Release, anyone: true}}
"""
PAYLOAD: dict[str, object] = {"requested_by": "bob"}


def refused(wait: WaitId, at: datetime) -> RequestRefused:
    return RequestRefused(at, wait, "too_many", "bob has too many")


@pytest.mark.parametrize("text", [ASK, BLOCK])
def test_a_refused_request_is_closed_and_its_step_fails(text: str) -> None:
    definition = a_definition(text)
    waiting, _ = started(definition, PAYLOAD)
    after, effects = advance(definition, waiting, refused(the_wait(waiting).id, later()))
    assert (after.status, after.waits) == (Status.FAILED, {})
    assert after.error is not None
    assert (after.error.code, after.error.message) == ("too_many", "bob has too many")
    closed = one(effects, CloseWait)
    assert (closed.outcome, closed.reason) == ("cancelled", "bob has too many")
    assert len(of_kind(effects, StopTimer)) == (1 if text is ASK else 0)


def test_a_refused_request_takes_the_steps_on_error() -> None:
    definition = a_definition(HANDLED)
    waiting, _ = started(definition, PAYLOAD)
    after, effects = advance(definition, waiting, refused(the_wait(waiting).id, later()))
    assert after.status is Status.COMPLETED
    assert one(effects, WriteLog).message == "too_many"


def test_a_request_that_is_not_open_cannot_be_refused() -> None:
    definition = a_definition(ASK)
    waiting, _ = started(definition, PAYLOAD)
    wait = the_wait(waiting)
    done, _ = decided(definition, waiting)
    assert advance(definition, done, refused(wait.id, later())) == (done, ())
