"""The chaos run itself, short: it does harm, finds nothing, and says so."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cli.chaos.cases import ANSWERS, PLANS, POISONS, case_of
from cli.chaos.own import kinds_for
from cli.chaos.plan import KINDS, plan_faults
from tests.world import ROOT


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cli", "chaos", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )


# S11 S113 S212 F1 F2 F3 F4 F5 F7
def test_a_short_run_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    file = tmp_path / "card.json"
    done = run("--seed", "2068", "--faults", "5", "--executions", "400", "--json", str(file))
    assert done.returncode == 0, done.stdout + done.stderr
    card = json.loads(file.read_text())
    assert card["findings"] == []
    assert card["faults"]["fired"] == 5
    assert card["executions"]["completed"] == card["executions"]["attempted"] == 400
    assert set(card["scores"].values()) == {0}
    assert card["dead_letters"]["poison"] == card["dead_letters"]["records"] > 0
    assert card["decisions"]["early decisions"] > 0
    assert "seed 2068" in done.stdout
    assert "findings                                     none" in done.stdout


def test_the_same_seed_plans_the_same_faults_and_cases() -> None:
    kinds, _ = kinds_for("kafka")
    assert plan_faults(7, 40, kinds, 2) == plan_faults(7, 40, kinds, 2)
    assert plan_faults(7, 40, kinds, 2) != plan_faults(8, 40, kinds, 2)
    assert case_of(7, 3, with_calls=True) == case_of(7, 3, with_calls=True)


@pytest.mark.parametrize("broker", ["tansu", "kafka"])
def test_every_kind_of_fault_comes_or_is_named_as_left_out(broker: str) -> None:
    kinds, left_out = kinds_for("kafka" if broker == "kafka" else "tansu")
    planned = {fault.kind for fault in plan_faults(1, 40, kinds, 2)}
    assert planned == set(kinds)
    assert planned | {line.partition(":")[0] for line in left_out} == set(KINDS)


def test_the_load_has_every_plan_answer_and_poison() -> None:
    cases = [case_of(1, number, with_calls=True) for number in range(5_000)]
    assert {case.plan for case in cases} == set(PLANS)
    assert {case.answer for case in cases} == set(ANSWERS)
    assert {case.poison for case in cases} == {None, *range(len(POISONS))}
    contradicted = sum(case.answer == "contradicted" for case in cases) / len(cases)
    assert contradicted == pytest.approx(0.05, abs=0.01)
