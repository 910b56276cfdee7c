"""Remove a behaviour, run the tests that claim it, and see them fail (`make mutations`).

Each mutation changes one place in a copy of the tree; the tests tagged with its S-item must fail
there. The table of all goes to docs/mutations.md; `python -m tests.mutations S12` tries one.
"""

import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "mutations.md"
TAGGED = re.compile(
    r"^# ((?:S\d+ ?)+)\n(?:# .*\n|@.*\n(?:[ )\]].*\n)*)*(?:async )?def (test_\w+)", re.M
)
FAILED = 1
"""What pytest exits with when a test failed; anything else is a mistake of the mutation."""


@dataclass(frozen=True, slots=True)
class Mutation:
    """A behaviour taken away: what stood in a file, and what stands there instead."""

    item: int
    file: str
    before: str
    after: str
    what: str
    kind: str | None = None
    """Which tests prove it; the quickest kind that carries the item unless named."""


MUTATIONS = (
    Mutation(2, "engine/patterns.py", 'if last == "*":', "if False:", "a final `*` matches"),
    Mutation(
        10,
        "engine/schedule.py",
        'if schedule.catch_up == "last":',
        'if schedule.catch_up == "none":',
        "catch-up of the last slot",
    ),
    Mutation(
        12,
        "storage/sql/batch.sql",
        "on conflict do nothing\nreturning source, event_id;",
        "on conflict (source, event_id) do update set source = excluded.source\n"
        "returning source, event_id;",
        "an event seen before starts nothing",
        "acceptance",
    ),
    Mutation(26, "engine/retry.py", "max: int = 3", "max: int = 2", "three retries by default"),
    Mutation(27, "engine/retry.py", "2 ** min(attempt - 1, 40)", "attempt", "pauses double"),
    Mutation(
        28,
        "engine/retry.py",
        '"linear": attempt,',
        '"linear": 1,',
        "linear pauses grow by the base",
    ),
    Mutation(
        36,
        "engine/steps/condition.py",
        "return open_approval(turn, step, verb.approval, line)",
        "pass",
        "a block with an approval asks first",
    ),
    Mutation(
        37,
        "engine/steps/execute.py",
        "return verb.continue_on_error or not action.required",
        "return True",
        "the first failure stops the list",
    ),
    Mutation(
        39,
        "engine/steps/branching.py",
        'return "failed" if failed else "completed" if over else None',
        'return "completed" if over else None',
        "`all` fails with its first branch",
    ),
    Mutation(
        40,
        "engine/steps/branching.py",
        'return "completed" if completed else "failed" if over else None',
        'return "completed" if over else None',
        "`any` goes on with the first success",
    ),
    Mutation(
        41,
        "engine/steps/branching.py",
        'return "completed" if completed else "failed" if failed else None',
        'return "completed" if completed else None',
        "`race` is decided by the first to end",
    ),
    Mutation(
        42,
        "engine/steps/branching.py",
        "if completed >= strategy.needed:",
        "if completed > strategy.needed:",
        "`n_of` needs exactly so many",
    ),
    Mutation(
        44,
        "engine/advance.py",
        "all(line.phase in HOLDING for line in lines)",
        "any(line.phase in HOLDING for line in lines)",
        "paused only when every branch waits",
    ),
    Mutation(
        47,
        "engine/steps/wait.py",
        "if not what.when.holds(scope):",
        "if False:",
        "an event whose condition fails leaves the wait open",
    ),
    Mutation(
        49,
        "engine/steps/wait.py",
        "if verb.on_timeout is None:",
        "if True:",
        "`on_timeout` runs when a wait's time is up",
    ),
    Mutation(
        57,
        "actions/client.py",
        "frozenset({408, 425, 429})",
        "frozenset({408, 425})",
        "429 may be tried again",
    ),
    Mutation(58, "actions/guard.py", "return address.is_global", "return True", "inner addresses"),
    Mutation(
        65,
        "engine/operators.py",
        '"neq": lambda left, right: _verdict(not equal(left, right))',
        '"neq": lambda left, right: _verdict(left is not None and not equal(left, right))',
        "`neq` holds where one side is missing",
    ),
    Mutation(
        72,
        "engine/operators.py",
        "return _verdict(search(left) is not None)",
        "return _verdict(left == pattern)",
        "`regex` searches",
    ),
    Mutation(
        82,
        "engine/loads.py",
        "return loaded if overwrite else held",
        "return loaded",
        "a resource leaves the payload's own",
    ),
    Mutation(
        90,
        "engine/loads.py",
        "loading.attempt <= RETRY.max",
        "loading.attempt < RETRY.max",
        "a resource is read four times",
    ),
    Mutation(
        93,
        "engine/operations.py",
        "turn.held = Hold(given.by, given.reason, turn.now)",
        "turn.held = None",
        "a held execution begins no step",
    ),
    Mutation(
        94,
        "engine/operations.py",
        "if asks and (turn.held is None or given.from_step is not None):",
        "if False:",
        "a resume never stands for an approval",
    ),
    Mutation(
        117,
        "engine/loads.py",
        "if not step.refresh or after.at is None:",
        "if True:",
        "resources are read again on resume",
    ),
    Mutation(
        118,
        "engine/steps/execute.py",
        'if step.on_in_doubt == "fail":',
        "if False:",
        "a step in doubt fails where the definition says so",
    ),
    Mutation(
        126,
        "engine/ending.py",
        'turn.close_wait(wait, "cancelled")',
        "pass",
        "a cancel closes what is open",
    ),
    Mutation(
        143,
        "engine/execution.py",
        "Status.COMPLETED: frozenset(),",
        "Status.COMPLETED: frozenset({Status.RUNNING}),",
        "an end is final",
    ),
)


def tests_of(item: int, only: str | None) -> list[str]:
    """Return the tests of one kind that carry an item."""
    for kind in (only,) if only else ("unit", "properties", "integration", "acceptance"):
        found = [
            f"{file.relative_to(ROOT)}::{name}"
            for file in sorted((ROOT / "tests" / kind).rglob("test_*.py"))
            for tags, name in TAGGED.findall(file.read_text())
            if f"S{item}" in tags.split()
        ]
        if found:
            return found
    raise LookupError(f"no test carries S{item}")


def copy_tree(folder: Path) -> None:
    """Copy what git knows of this tree."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in listed.stdout.split("\0"):
        if name and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)


def run(folder: Path, tests: list[str]) -> int:
    """Run tests in a copy of the tree; return pytest's exit code."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests],
        cwd=folder,
        capture_output=True,
        check=False,
        timeout=300,
    )
    return done.returncode


def check(folder: Path, mutation: Mutation) -> tuple[list[str], bool]:
    """Return the tests of a mutation, and whether they fail with it and pass without."""
    file, tests = folder / mutation.file, tests_of(mutation.item, mutation.kind)
    text = file.read_text()
    if text.count(mutation.before) != 1:
        raise LookupError(f"{mutation.file} does not hold once: {mutation.before}")
    sound = run(folder, tests)
    file.write_text(text.replace(mutation.before, mutation.after))
    broken = run(folder, tests)
    file.write_text(text)
    return tests, (sound, broken) == (0, FAILED)


def page(rows: list[str]) -> Iterator[str]:
    """Yield the lines of docs/mutations.md."""
    yield "# Behaviours removed, and the tests that notice"
    yield ""
    yield "Written by `make mutations` (tests/mutations.py): each behaviour is taken out of a copy"
    yield "of the tree; the tests that carry its S-item pass before and fail then."
    yield ""
    yield "| item | behaviour | changed in | tests that carry the item | noticed |"
    yield "| --- | --- | --- | --- | --- |"
    yield from rows


def main(items: list[str]) -> int:
    """Try all mutations, or those of some items; exit 1 if one stays unnoticed."""
    chosen = [one for one in MUTATIONS if not items or f"S{one.item}" in items]
    rows, missed = [], 0
    with tempfile.TemporaryDirectory(prefix="sluicegate-mutations-") as name:
        folder = Path(name)
        copy_tree(folder)
        for mutation in chosen:
            begun = time.monotonic()
            tests, noticed = check(folder, mutation)
            missed += not noticed
            sys.stdout.write(
                f"S{mutation.item:<4} {'noticed' if noticed else 'MISSED':8} "
                f"{time.monotonic() - begun:5.1f} s  {mutation.what}\n"
            )
            sys.stdout.flush()
            kind = tests[0].split("/")[1]
            rows.append(
                f"| S{mutation.item} | {mutation.what} | `{mutation.file}` "
                f"| {len(tests)} {kind} | {'yes' if noticed else '**no**'} |"
            )
    if not items:
        PAGE.write_text("\n".join(page(rows)) + "\n")
    sys.stdout.write(f"{len(chosen) - missed} of {len(chosen)} noticed\n")
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
