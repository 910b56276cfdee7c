"""An execution in memory: calls answered at once, timers in order, a clock that only we move."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Literal

from engine.answers import Answer, Asked, Fails, Records, Row, Succeeds, shown_params
from engine.definition import Definition
from engine.effects import CloseWait, Perform, WriteRecord
from engine.execution import Status
from engine.explain import Event
from engine.ids import ChildId
from engine.inputs import DecisionArrived
from engine.rehearsal import Rehearsal
from engine.rehearsed import new_execution, visited
from tests.builders import NOW, a_definition, later, the_wait

CALLS = a_definition("""
steps:
  - id: pay
    execute: [{webhook: {url: "https://pay.example/${id}"}}]
    retry: {max: 2, base: 10s, backoff: fixed, jitter: none}
  - {id: told, execute: [{log: {message: "paid ${steps.pay.output.body}"}}]}
""")
HELD = a_definition("""
steps:
  - id: ask
    approval: {title: Go?, roles: [boss], expires_in: 2h}
    on_expired: [{id: nap, wait: {for: 1h}}, {id: late, block: {code: late}}]
  - {id: done, allow: {}}
""")
PAID = """
steps:
  - {id: nap, wait: {for: 1h}}
  - id: paid
    wait: {event: payment.*, match: {order: "${id}"}, %s}
  - {id: done, allow: {}}
"""


def a_rehearsal(
    definition: Definition, answer: Callable[[Asked], Answer] = lambda _asked: Succeeds("fine")
) -> Rehearsal:
    event = Event("thing.made", {"id": "o1"})
    return Rehearsal(definition, new_execution(definition, event, NOW), NOW, answer)


def path_of(rehearsal: Rehearsal) -> list[str]:
    return [record.path for record in visited(rehearsal.happened)]


def status_of(rehearsal: Rehearsal) -> Status:
    return rehearsal.execution.status


def test_calls_are_answered_at_once_until_the_execution_ends() -> None:
    rehearsal = a_rehearsal(CALLS, lambda _asked: Succeeds({"body": "all"}))
    rehearsal.start()
    assert status_of(rehearsal) is Status.COMPLETED
    assert path_of(rehearsal) == ["pay", "told"]
    assert rehearsal.now == NOW


def test_a_retry_moves_the_clock_to_its_next_attempt() -> None:
    answers: Iterator[Answer] = iter(
        [Fails("http_503", "busy", retryable=True), Succeeds({"body": 1})]
    )
    rehearsal = a_rehearsal(CALLS, lambda _asked: next(answers))
    rehearsal.start()
    assert status_of(rehearsal) is Status.COMPLETED
    assert rehearsal.now == later(seconds=10)
    assert path_of(rehearsal) == ["pay", "told"]


def test_a_call_that_always_fails_fails_the_execution_after_its_retries() -> None:
    asked: list[Asked] = []

    def refuse(call: Asked) -> Answer:
        asked.append(call)
        return Fails("http_503", "busy", retryable=True)

    rehearsal = a_rehearsal(CALLS, refuse)
    rehearsal.start()
    assert len(asked) == 3
    assert rehearsal.execution.error is not None
    assert rehearsal.execution.error.code == "http_503"
    assert rehearsal.now == later(seconds=20)


def test_timers_that_come_due_on_the_way_fire_in_order() -> None:
    rehearsal = a_rehearsal(HELD)
    rehearsal.start()
    rehearsal.pass_until(later(hours=2) - timedelta(seconds=1))
    assert the_wait(rehearsal.execution).path == "ask"
    rehearsal.pass_until(later(hours=5))
    assert path_of(rehearsal) == ["ask", "ask/nap", "ask/late"]
    closings = [h for h in rehearsal.happened if isinstance(h.effect, CloseWait)]
    assert [(h.at, h.effect.outcome) for h in closings if isinstance(h.effect, CloseWait)] == [
        (later(hours=2), "expired"),
        (later(hours=3), "elapsed"),
    ]
    assert rehearsal.now == later(hours=5)


def test_a_decision_stops_the_timer_of_its_wait() -> None:
    rehearsal = a_rehearsal(HELD)
    rehearsal.start()
    wait = the_wait(rehearsal.execution).id
    rehearsal.give(DecisionArrived(NOW, NOW, "d1", wait, "approved", "ana"))
    rehearsal.pass_until(later(days=1))
    assert status_of(rehearsal) is Status.COMPLETED
    assert path_of(rehearsal) == ["ask", "done"]


def test_an_event_ends_the_wait_it_correlates_with_and_no_other() -> None:
    rehearsal = a_rehearsal(a_definition(PAID % "since: now"))
    rehearsal.start()
    rehearsal.pass_until(later(hours=1))
    rehearsal.receive(Event("payment.made", {"order": "another"}))
    rehearsal.receive(Event("refund.made", {"order": "o1"}))
    assert status_of(rehearsal) is Status.PAUSED
    rehearsal.receive(Event("payment.made", {"order": "o1"}))
    assert status_of(rehearsal) is Status.COMPLETED


def test_an_event_before_its_wait_counts_only_from_the_trigger_on_where_that_is_asked() -> None:
    for since, status in (("trigger", Status.COMPLETED), ("now", Status.PAUSED)):
        rehearsal = a_rehearsal(a_definition(PAID % f"since: {since}"))
        rehearsal.start()
        rehearsal.receive(Event("payment.made", {"order": "o1"}))
        rehearsal.pass_until(later(hours=1))
        assert status_of(rehearsal) is status


def write(
    mode: Literal["create", "update"], expected: int | None = None, **values: object
) -> WriteRecord:
    return WriteRecord(ChildId("w"), mode, "order", "o1", values, expected, "key")


def test_records_are_written_as_the_batch_writes_them() -> None:
    records = Records({("order", "o2"): Row({"a": 1})})
    assert records.write(write("update", a=1)) == Succeeds(
        {"entity": "order", "id": "o1", "version": 1}
    )
    assert records.write(write("update", b=2)) == Succeeds(
        {"entity": "order", "id": "o1", "version": 2}
    )
    assert records.rows[("order", "o1")] == Row({"a": 1, "b": 2}, 2)
    refused = records.write(write("create"))
    assert isinstance(refused, Fails)
    assert refused.code == "record_exists"
    stale = records.write(write("update", expected=1, a=3))
    assert isinstance(stale, Fails)
    assert (stale.code, stale.retryable) == ("stale_version", False)
    assert records.rows[("order", "o1")].data["a"] == 1


def test_secrets_are_shown_by_name_where_they_will_stand() -> None:
    definition = a_definition("""
    steps:
      - id: call
        execute:
          - webhook:
              url: "${secrets.HOST}/orders/${id}"
              headers: {authorization: "Bearer ${secrets.TOKEN}"}
              json: {list: ["${secrets.A}", "${id}"]}
    """)
    asked: list[Perform] = []

    def keep(call: Asked) -> Answer:
        assert isinstance(call, Perform)
        asked.append(call)
        return Succeeds()

    a_rehearsal(definition, keep).start()
    assert shown_params(asked[0]) == {
        "url": "${secrets.HOST}/orders/o1",
        "headers": {"authorization": "Bearer ${secrets.TOKEN}"},
        "json": {"list": ["${secrets.A}", "o1"]},
    }
    assert asked[0].params["url"] is None
