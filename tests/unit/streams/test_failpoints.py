"""Failpoints: armed by name, refused with a reason, nothing while unset (reliability.md)."""

import re
import subprocess
import sys
import time
import timeit
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.errors import ConfigError
from streams.failpoints import EXIT_CODE, POINTS, FailpointRaised, arm, parse_failpoints, reach

ROOT = Path(__file__).parents[3]
REACHED = re.compile(r'(?:reach\(|run\(body, )"([a-z._]+)"')


@pytest.fixture(autouse=True)
def disarmed() -> Iterator[None]:
    """Leave nothing armed behind."""
    yield
    arm(None)


# F1
def test_every_failpoint_stands_in_the_code_and_no_other() -> None:
    files = [*(ROOT / "streams").rglob("*.py"), ROOT / "cli" / "migrate.py"]
    found = {name for file in files for name in REACHED.findall(file.read_text())}
    assert found == POINTS


def test_an_unarmed_failpoint_does_nothing_and_costs_nothing() -> None:
    arm(None)
    reach("batch.mid")
    assert min(timeit.repeat(lambda: reach("batch.mid"), number=10_000, repeat=5)) < 0.02


def test_only_the_named_failpoint_acts() -> None:
    arm("batch.mid:1:raise, relay.after_flush:0:raise")
    reach("batch.after_cas")
    reach("relay.after_flush")
    with pytest.raises(FailpointRaised, match=r"batch\.mid"):
        reach("batch.mid")


def test_a_failpoint_acts_about_as_often_as_asked() -> None:
    arm("revoke:0.3:raise")
    acted = 0
    for _ in range(2000):
        try:
            reach("revoke")
        except FailpointRaised:
            acted += 1
    assert 450 < acted < 750


def test_a_failpoint_may_stall_the_process() -> None:
    arm("timer.after_claim:1:sleep:0.05")
    begun = time.monotonic()
    reach("timer.after_claim")
    assert time.monotonic() - begun >= 0.05


def test_a_failpoint_may_end_the_process_at_once() -> None:
    code = (
        "from streams.failpoints import arm, reach\n"
        "arm('batch.mid:1:exit')\n"
        "try:\n    reach('batch.mid')\nfinally:\n    print('cleaned up')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (EXIT_CODE, b"")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("batch.middle:1:exit", "is no failpoint; choose assign.before_seek"),
        ("batch.mid", "name:probability:act"),
        ("batch.mid:often:exit", "name:probability:act"),
        ("batch.mid:2:exit", "a probability of 0 to 1"),
        ("batch.mid:1:explode", "one of exit, raise, sleep, stop"),
    ],
)
def test_a_failpoint_that_means_nothing_is_refused_with_what_is_allowed(
    text: str, problem: str
) -> None:
    with pytest.raises(ConfigError, match=problem):
        parse_failpoints(text)
