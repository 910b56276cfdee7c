"""The way that an execution took through a definition."""

from collections.abc import Mapping
from xml.etree import ElementTree

from engine.drawing.picture import svg_of
from engine.execution import Status, StepStatus
from engine.ids import StepPath
from tests.drawings import CORPUS, definition_of, definition_of_file

SVG = "{http://www.w3.org/2000/svg}"
DONE, WAITING, FAILED = StepStatus.COMPLETED, StepStatus.WAITING, StepStatus.FAILED
LOOP = """
steps:
  - id: lines
    for_each:
      in: ${lines}
      steps:
        - { id: reserve, execute: [{ log: { message: a } }] }
        - { id: heard, wait: { event: stock.reserved } }
  - { id: done, allow: {} }
"""


def taken(**statuses: StepStatus) -> dict[StepPath, StepStatus]:
    return {StepPath(path.replace("__", "/")): found for path, found in statuses.items()}


class Picture:
    """What a picture shows, by its classes."""

    def __init__(self, svg: str) -> None:
        self._groups = ElementTree.fromstring(svg).findall(f"{SVG}g")

    def marks(self) -> Mapping[str, str]:
        """Return the marks of nodes."""
        found = {}
        for group in self._groups:
            for word in str(group.get("class")).split():
                if word.startswith("mark-"):
                    found[str(group.get("data-id"))] = word.removeprefix("mark-")
        return found

    def pale(self) -> set[str]:
        """Return the nodes that are shown as passed by."""
        return {
            str(group.get("data-id"))
            for group in self._groups
            if "data-id" in group.attrib and "untouched" in str(group.get("class"))
        }

    def ways(self) -> set[tuple[str, str]]:
        """Return the edges that are shown as taken."""
        return {
            (str(group.get("data-from")), str(group.get("data-to")))
            for group in self._groups
            if " taken" in str(group.get("class"))
        }


ORDER = definition_of_file(CORPUS / "spec/order-approval.yaml")


def test_nothing_is_marked_without_an_execution() -> None:
    shown = Picture(svg_of(ORDER))
    assert (shown.marks(), shown.pale(), shown.ways()) == ({}, set(), set())


def test_an_open_approval_is_where_the_way_ends() -> None:
    steps = taken(embargo_check=DONE, needs_people=DONE, needs_people__manager=WAITING)
    shown = Picture(svg_of(ORDER, steps, status=Status.PAUSED))
    assert shown.marks() == {path: status.value for path, status in steps.items()}
    assert shown.ways() == {
        (":start:0", ":context"),
        (":context", "embargo_check"),
        ("embargo_check", "needs_people"),
        ("needs_people", "needs_people/manager"),
    }
    assert {"accept", "done", "embargo_check/embargoed", ":end"} <= shown.pale()
    assert not shown.pale() & {*steps, ":start:0", ":context"}


def test_a_small_order_goes_straight_to_the_end() -> None:
    steps = taken(embargo_check=DONE, needs_people=DONE, accept=DONE, done=DONE)
    shown = Picture(svg_of(ORDER, steps, status=Status.COMPLETED))
    assert ("needs_people", "accept") in shown.ways()
    assert ("done", ":end") in shown.ways()
    assert shown.marks()[":end"] == "completed"
    assert "needs_people/very_large" in shown.pale()


def test_the_end_of_a_blocked_execution_is_the_pill_beside_its_approval() -> None:
    above = taken(embargo_check=DONE, needs_people=DONE, needs_people__manager=DONE)
    below = taken(needs_people__very_large=DONE, needs_people__very_large__director=DONE)
    shown = Picture(svg_of(ORDER, above | below, status=Status.BLOCKED))
    director = "needs_people/very_large/director"
    assert (director, f"{director}:blocked") in shown.ways()
    assert f"{director}:blocked" not in shown.pale()
    assert ":end" in shown.pale()
    assert "needs_people/manager/refused" in shown.pale()


def test_a_loop_shows_what_is_still_under_way_in_any_of_its_rounds() -> None:
    definition = definition_of(LOOP)
    steps = taken(
        lines=StepStatus.RUNNING,
        lines__0__reserve=DONE,
        lines__0__heard=DONE,
        lines__1__reserve=DONE,
        lines__1__heard=WAITING,
        lines__2__reserve=StepStatus.RUNNING,
    )
    shown = Picture(svg_of(definition, steps, status=Status.PAUSED))
    assert shown.marks() == {
        "lines": "running",
        "lines/reserve": "running",
        "lines/heard": "waiting",
    }
    assert shown.ways() == {
        (":start:0", "lines"),
        ("lines", "lines/reserve"),
        ("lines/reserve", "lines/heard"),
    }


def test_a_loop_that_is_done_leads_on_through_its_join() -> None:
    steps = taken(lines=DONE, lines__0__reserve=DONE, lines__0__heard=DONE, done=DONE)
    shown = Picture(svg_of(definition_of(LOOP), steps, status=Status.COMPLETED))
    assert {("lines/heard", "lines:join"), ("lines:join", "done"), ("done", ":end")} < shown.ways()


def test_a_failure_without_remedy_ends_in_its_pill() -> None:
    definition = definition_of("steps: [{ id: heard, wait: { event: a.b, timeout: 1h } }]")
    shown = Picture(svg_of(definition, taken(heard=FAILED), status=Status.FAILED))
    assert shown.marks() == {"heard": "failed", "heard:failed": "failed"}
    assert ("heard", ":end") not in shown.ways()


def test_what_ran_after_a_failure_is_shown_too() -> None:
    definition = definition_of(
        """
        steps:
          - { id: first, execute: [{ log: { message: a } }], compensate: [{ id: undo, allow: {} }] }
          - { id: second, execute: [{ log: { message: a } }] }
        on_error:
          - { id: report, execute: [{ log: { message: a } }] }
        """
    )
    steps = taken(first=DONE, second=FAILED, report=DONE, first__undo=DONE)
    shown = Picture(svg_of(definition, steps, status=Status.FAILED))
    assert shown.ways() == {
        (":start:0", "first"),
        ("first", "second"),
        ("first", "first/undo"),
        (":on_error", "report"),
        ("report", ":failed"),
    }


def test_a_path_that_the_definition_does_not_have_marks_nothing() -> None:
    shown = Picture(svg_of(ORDER, taken(gone=DONE)))
    assert shown.marks() == {}
