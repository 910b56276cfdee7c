"""`sluicegate test`: compensation, refreshed resources, and events that cancel."""

from pathlib import Path

import pytest

from tests.unit.cli.rehearsed import check, said

SAGA = """\
name: saga
trigger: {event: trip.made}
context: {load: {trip: {resource: trip, id: "${id}"}}}
steps:
  - id: hotel
    execute: [{log: {message: booked}}]
    compensate: [{id: unhotel, execute: [{log: {message: hotel cancelled}}]}]
  - id: flight
    execute: [{webhook: {url: "https://fly.example"}}]
    compensate: [{id: unflight, execute: [{emit: {event: flight.cancelled}}]}]
  - id: sure
    approval: {title: "${trip.price}", roles: [boss]}
    refresh: [trip]
  - id: pay
    execute: [{webhook: {url: "https://pay.example", json: {price: "${trip.price}"}}}]
    retry: {max: 0}
on_error: [{id: sorry, execute: [{log: {message: "sorry, ${error.code}"}}]}]
"""
TRIP = 'trip: {kind: http, url: "https://trips.example/${id}"}\n'


def test_compensation_is_part_of_the_path_the_last_step_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tests = """
    - name: the payment fails
      given: {event: {type: trip.made, data: {id: t1}}}
      resources: {trip: {price: 5}}
      stubs: {pay: {fail: {code: http_402}}}
      then: [{decide: {step: sure}}]
      expect:
        status: failed
        error_code: http_402
        path: [hotel, flight, sure, pay, flight/unflight, hotel/unhotel, sorry]
        emitted: [{event: flight.cancelled}]
        logged: [{message: hotel cancelled}, {message: "sorry, http_402"}]
    - name: cancelled, and undone
      given: {event: {type: trip.made, data: {id: t1}}}
      resources: {trip: {price: 5}}
      then: [{cancel: {by: ops, compensate: true}}]
      expect: {status: cancelled, path: [hotel, flight, sure, unflight, unhotel]}
    - name: cancelled, and not undone
      given: {event: {type: trip.made, data: {id: t1}}}
      resources: {trip: {price: 5}}
      then: [{cancel: {by: ops}}]
      expect: {status: cancelled, path: [hotel, flight, sure], emitted: []}
    """
    report = check(tmp_path, capsys, SAGA, tests, TRIP)
    assert said(report) == []
    assert report["coverage"][0]["steps"]["not_run"] == []


# D20
def test_a_resource_that_is_read_again_on_resume_has_its_next_value(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tests = """
    - name: one
      given: {event: {type: trip.made, data: {id: t1}}}
      resources: {trip: [{price: 5}, {price: 9}]}
      then:
        - after: 1d
          expect: {waiting_for: [{step: sure, title: "5"}], context: {trip.price: 5}}
        - decide: {step: sure}
      expect:
        calls: [{step: flight}, {step: sure, kind: load}, {step: pay, params: {json: {price: 9}}}]
        context:
          trip.price: 9
          steps.sure.refreshed: {trip: {before: {price: 5}, after: {price: 9}}}
    """
    assert said(check(tmp_path, capsys, SAGA, tests, TRIP)) == []


def test_an_event_cancels_the_execution_that_it_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    definition = """\
    name: stoppable
    trigger: {event: order.made, cancel_on: {event: order.withdrawn, match: {id: "${id}"}}}
    steps: [{id: ask, approval: {title: Go?, roles: [boss]}}]
    """
    tests = """
    - name: one
      given: {event: {type: order.made, data: {id: o1}}}
      then:
        - event: {type: order.withdrawn, data: {id: o2}}
          expect: {status: paused}
        - event: {type: order.withdrawn, data: {id: o1}}
        - decide: {step: ask}
          expect: {refused: cancelled}
      expect: {status: cancelled, waiting_for: []}
    """
    assert said(check(tmp_path, capsys, definition, tests)) == []
