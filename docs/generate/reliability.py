"""The page of promises and failures: what was produced, by which test, with which figures."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from docs.generate.failures import FAILURES, NOT_PRODUCED, PROMISES, Failure
from docs.generate.markdown import table

ROOT = Path(__file__).parents[2]
FIGURES = ROOT / "docs" / "reliability"
SOAKS = ROOT / "bench" / "results"
TAGGED = re.compile(
    r"^# ((?:[FS]\d+ ?)*F\d+(?: [FS]\d+)*)\n(?:(?:#|@| |\)|\]).*\n)*(?:async )?def (test_\w+)",
    re.MULTILINE,
)
INTRO = """# Reliability: promises, failures, proof

What may be relied on, what may go wrong, and the test that makes it go wrong on real parts: broker,
PostgreSQL, Valkey and worker processes. A figure was measured by the test beside it, on the machine
and by the command that [the list of runs](#runs) names; a run without `SLUICEGATE_FIGURES=1` checks
the same at a smaller size and changes nothing here.

"""
NOT_PROMISED = """
Not promised: exactly-once calls over HTTP; an order across executions; correctness with unclean
leader election of Kafka, or PostgreSQL with `fsync=off`.

"""


def read_figures() -> dict[str, list[dict[str, Any]]]:
    """Return the runs of each failure that was measured."""
    found = {}
    for path in sorted(FIGURES.glob("F*.json")):
        kept = json.loads(path.read_text("utf-8"))
        found[kept["failure"]] = list(kept["runs"].values())
    return found


def read_tests() -> dict[str, list[str]]:
    """Return the tests that carry each failure's tag, as `file::name`."""
    found: dict[str, list[str]] = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for tags, name in TAGGED.findall(path.read_text("utf-8")):
            for tag in tags.split():
                if tag.startswith("F"):
                    found.setdefault(tag, []).append(f"{path.relative_to(ROOT)}::{name}")
    return found


def _plain(value: float) -> str:
    if isinstance(value, int) or abs(value) >= 1_000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def told(numbers: Mapping[str, float]) -> str:
    """Return figures as they stand in a cell."""
    return ", ".join(f"{name.replace('_', ' ')} {_plain(value)}" for name, value in numbers.items())


def _measured(failure: Failure, runs: Sequence[Mapping[str, Any]]) -> str:
    if failure.name in NOT_PRODUCED:
        return f"not produced: {NOT_PRODUCED[failure.name]}"
    shown = [f"{told(run['figures'])} ({run['broker']})" for run in runs]
    return "<br>".join(shown) or "not measured yet"


def _promises() -> str:
    rows = []
    for promise in PROMISES:
        proofs = [f"[{f.name}](#{f.name.lower()})" for f in FAILURES if promise.name in f.threatens]
        cells = (
            promise.name,
            promise.sentence,
            promise.holds,
            ", ".join(proofs) or "its own tests",
        )
        rows.append(cells)
    return table(("", "promise", "holds while", "proved by"), rows)


def _failures(runs: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    rows = (
        (
            f"[{failure.name}](#{failure.name.lower()})",
            failure.situation,
            failure.mechanism,
            _measured(failure, runs.get(failure.name, ())),
        )
        for failure in FAILURES
    )
    return table(("", "situation", "what upholds the promise", "figures"), rows)


def _tests(found: Mapping[str, Sequence[str]]) -> Iterator[str]:
    for failure in FAILURES:
        yield f"\n### {failure.name}\n\n"
        for test in found.get(failure.name, ()):
            file, _, name = test.partition("::")
            sentence = name.removeprefix("test_").replace("_", " ")
            yield f"- [{file.removeprefix('tests/')}](../{file}): {sentence}\n"
        if failure.name not in found:
            yield f"No test: {NOT_PRODUCED.get(failure.name, 'none yet')}.\n"


def _chaos() -> Iterator[str]:
    for path in sorted(FIGURES.glob("chaos-*.json")):
        card: Mapping[str, object] = json.loads(path.read_text("utf-8"))
        broker = path.stem.removeprefix("chaos-")
        yield f"\n## Score card of the chaos run on {broker}\n\n"
        rows = ((f"{name.replace('_', ' ')}", _cell(value)) for name, value in card.items())
        yield table(("", ""), rows)


def _soak() -> Iterator[str]:
    """Yield what the latest half hour of load told of what grows."""
    runs = [json.loads(path.read_text("utf-8")) for path in SOAKS.glob("soak-*.json")]
    if not runs:
        return
    run = max(runs, key=lambda run: str(run["at"]))
    yield f"\n## {run['minutes']:g} minutes of load: what grows\n\n"
    yield (
        f"`make soak ARGS='--broker {run['broker']}'`, {str(run['at'])[:10]}: "
        f"{run['rate_per_s']:g} executions a second, {run['published']:,} in all, one worker. "
        "Slopes by least squares over all but the first 15 %.\n\n"
    )
    rows = (
        (
            name.replace("_", " "),
            *(_plain(figure[key]) for key in ("slope_per_hour", "median", "most")),
            "yes" if figure["bounded"] else "no",
        )
        for name, figure in run["figures"].items()
    )
    yield table(("", "per hour", "median", "most", "within its bound"), rows)


def _cell(value: object) -> str:
    match value:
        case int() | float():
            return _plain(value)
        case dict():
            return ", ".join(
                f"{name.replace('_', ' ')} {_cell(one)}" for name, one in value.items()
            )
        case list():
            return "; ".join(map(_cell, value)) or "none"
        case _:
            return str(value).replace("|", "\\|")


def _runs(runs: Mapping[str, Sequence[Mapping[str, Any]]]) -> Iterator[str]:
    yield "\n## Runs\n\n"
    rows = (
        (failure.name, run["at"], run["machine"], f"`{run['command']}`")
        for failure in FAILURES
        for run in runs.get(failure.name, ())
    )
    yield table(("", "day", "machine", "command"), rows)


def page() -> str:
    """Return the page."""
    runs = read_figures()
    return "".join(
        (
            INTRO,
            "## Promises\n\n",
            _promises(),
            NOT_PROMISED,
            "## Failures\n\n",
            _failures(runs),
            *_chaos(),
            *_soak(),
            "\n## Tests\n",
            *_tests(read_tests()),
            *_runs(runs),
        )
    )
