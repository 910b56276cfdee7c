"""`sluicegate test`: run tests of workflows in memory, and say what they cover."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from actions.definitions import Mistake
from cli.errors import FAILED, OK
from cli.printing import complain, write, write_line, write_lines
from cli.show import print_json
from cli.testing.coverage import Coverage
from cli.testing.reading import Found, SuiteFile, find
from cli.testing.run import Outcome, run_case

DEFAULT_FOLDERS = (Path("workflows"), Path())


@dataclass(frozen=True, slots=True)
class Options:
    """What is asked of the run."""

    paths: Sequence[Path]
    only: str = ""
    """Part of the names of the tests that are run."""
    min_coverage: float = 0.0
    as_json: bool = False


@dataclass(frozen=True, slots=True)
class Ran:
    """A test that was run: where it stands, what became of it, how long it took."""

    file: SuiteFile
    outcome: Outcome
    seconds: float

    @property
    def failures(self) -> list[Mistake]:
        """What was not as expected, each with its place."""
        return [self.file.mistake(problem) for problem in self.outcome.problems]

    def as_dict(self) -> dict[str, object]:
        """Return it as JSON shows it; the keys are a contract."""
        return {
            "file": str(self.file.path),
            "workflow": self.file.suite.workflow,
            "name": self.outcome.case.name,
            "passed": self.outcome.passed,
            "seconds": round(self.seconds, 6),
            "failures": [_mistake_dict(failure) for failure in self.failures],
        }


def _mistake_dict(mistake: Mistake) -> dict[str, object]:
    return {
        "file": mistake.file,
        "line": mistake.line,
        "column": mistake.column,
        "problem": mistake.problem,
    }


def run_tests(options: Options) -> int:
    """Run, print, and return the exit code."""
    paths = options.paths or [next(path for path in DEFAULT_FOLDERS if path.is_dir())]
    found = find(paths)
    if found.mistakes:
        return _refuse(found, as_json=options.as_json)
    ran = list(_run(found.suites, options.only.lower()))
    # A part of the tests says nothing about what all of them cover.
    covered = [] if options.only else _coverage(found, ran)
    low = [each for each in covered if each.percent < options.min_coverage]
    (_print_json if options.as_json else _print)(ran, covered)
    for each in low:
        complain(
            f"sluicegate: {each.workflow} is covered to {each.percent:.0f} %,"
            f" wanted are {options.min_coverage:g} %\n"
        )
    return FAILED if low or not all(each.outcome.passed for each in ran) else OK


def _refuse(found: Found, *, as_json: bool) -> int:
    """Print the mistakes of definitions and tests; with any of them nothing is run."""
    mistakes = sorted(set(found.mistakes))
    if as_json:
        print_json({"mistakes": [_mistake_dict(mistake) for mistake in mistakes]})
    else:
        write_lines(map(str, mistakes))
    return FAILED


def _run(suites: Sequence[SuiteFile], only: str) -> Iterator[Ran]:
    for file in suites:
        for number, case in enumerate(file.suite.tests):
            if only not in f"{file.suite.workflow} {case.name}".lower():
                continue
            begun = time.perf_counter()
            outcome = run_case(file.definition, file.beside, case, ("tests", number))
            yield Ran(file, outcome, time.perf_counter() - begun)


def _coverage(found: Found, ran: Sequence[Ran]) -> list[Coverage]:
    """Return what the tests cover of each workflow that was found."""
    covered = {definition.file: Coverage(definition) for definition in found.definitions}
    for each in ran:
        for part in each.outcome.parts:
            covered[part.definition.file].note(part.happened)
    return list(covered.values())


def _print(ran: Sequence[Ran], covered: Sequence[Coverage]) -> None:
    for each in ran:
        word = "ok    " if each.outcome.passed else "FAILED"
        name = f"{each.file.suite.workflow}: {each.outcome.case.name}"
        write_line(f"{word}  {name} ({each.seconds * 1000:.1f} ms)")
        write("".join(f"        {failure}\n" for failure in each.failures))
    failed = sum(not each.outcome.passed for each in ran)
    seconds = sum(each.seconds for each in ran)
    write(f"\n{len(ran) - failed} passed, {failed} failed in {seconds * 1000:.0f} ms\n")
    for one in covered:
        write_lines(one.lines())


def _print_json(ran: Sequence[Ran], covered: Sequence[Coverage]) -> None:
    failed = sum(not each.outcome.passed for each in ran)
    print_json(
        {
            "passed": len(ran) - failed,
            "failed": failed,
            "tests": [each.as_dict() for each in ran],
            "coverage": [each.as_dict() for each in covered],
        }
    )
