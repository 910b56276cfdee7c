"""The three definitions that definitions.md prints, tested in virtual time on every branch."""

import shutil
from pathlib import Path

import pytest

from tests.unit.cli.rehearsed import run

SPEC = Path(__file__).parents[2] / "corpus" / "definition" / "spec"
NAMES = ("order-approval", "refund", "nightly-credit-review")
RESOURCES = """\
customer.history: { kind: http, url: "http://crm.internal/customers/${id}/history" }
credit.exposure: { kind: http, url: "http://risk.internal/${id}" }
bank.late_payments: { kind: http, url: "http://bank.internal/${id}" }
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Copy the definitions with their tests beside the resources that they load."""
    for name in NAMES:
        for suffix in (".yaml", ".test.yaml"):
            shutil.copy(SPEC / f"{name}{suffix}", tmp_path)
    (tmp_path / "resources.yaml").write_text(RESOURCES)
    return tmp_path


# S32, S33, S43, S49
@pytest.mark.parametrize("name", NAMES)
def test_every_branch_of_a_printed_definition_leads_where_it_should(
    folder: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    _, report = run(folder / f"{name}.test.yaml", capsys)
    assert [test for test in report["tests"] if not test["passed"]] == []
    (coverage,) = [each for each in report["coverage"] if each["workflow"] == name]
    assert (coverage["steps"]["not_run"], coverage["branches"]["not_taken"]) == ([], [])
    assert coverage["percent"] == 100
    assert len(report["tests"]) >= 5


def test_days_of_virtual_time_pass_in_milliseconds(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, report = run(folder, capsys)
    assert (code, report["failed"]) == (0, 0)
    seconds = sorted(test["seconds"] for test in report["tests"])
    # The median, and far above what is measured (1 ms): other work on the machine is no failure.
    assert seconds[len(seconds) // 2] < 0.05
