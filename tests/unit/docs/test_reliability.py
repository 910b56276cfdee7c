"""The page of failures: every one is produced by a test that exists, or says why not."""

from docs.generate.failures import FAILURES, NOT_PRODUCED, PROMISES
from docs.generate.reliability import FIGURES, read_figures, read_tests, told
from tests.chaos.figures import FOLDER, scaled

NAMES = {failure.name for failure in FAILURES}


def test_the_catalogue_has_twenty_nine_failures_and_eleven_promises() -> None:
    assert [failure.name for failure in FAILURES] == [f"F{n}" for n in range(1, 30)]
    assert [promise.name for promise in PROMISES] == [f"G{n}" for n in range(1, 12)]


def test_failures_threaten_promises_that_exist() -> None:
    promised = {promise.name for promise in PROMISES}
    assert {name for failure in FAILURES for name in failure.threatens} <= promised


def test_every_failure_has_a_test_or_a_reason() -> None:
    assert read_tests().keys() <= NAMES
    assert sorted(NAMES - read_tests().keys() - NOT_PRODUCED.keys()) == []


def test_every_figure_comes_from_a_test_of_its_failure() -> None:
    known = read_tests()
    for name, runs in read_figures().items():
        for run in runs:
            assert run["test"].partition("[")[0] in known[name], run["test"]
            assert run["figures"], run["test"]


def test_figures_are_written_where_they_are_read() -> None:
    assert FOLDER == FIGURES


def test_a_cell_names_its_figures() -> None:
    assert told({"pairs": 10_000, "stall_seconds": 1.2345}) == "pairs 10,000, stall seconds 1.23"


def test_a_run_is_never_larger_than_what_is_published() -> None:
    assert scaled(5) == 5
    assert scaled(1_000_000) <= 1_000_000
