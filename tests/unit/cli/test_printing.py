"""What publishers write steers no terminal, and a reader that has enough is no failure."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from cli.errors import fail
from cli.printing import write_document
from cli.show import print_fields, print_json, print_rows, table_of
from cli.tracing import print_trace
from config.visible import one_line, visible

ROOT = Path(__file__).parents[3]
RED = "\x1b[31mred\x1b[0m"
SHOWN = r"\x1b[31mred\x1b[0m"
ITSELF = {"printing.py", "chaos/command.py"}
"""Where text goes out, and the line of progress that moves the cursor."""
ORDERS = """\
name: orders
trigger: { event: order.created, when: { country: { eq: DE } } }
steps:
  - id: a
    allow: {}
"""


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (RED, SHOWN),
        ("a\x00b\x07c\x08d", r"a\x00b\x07c\x08d"),
        ("\x7f\x85\x9b31m", r"\x7f\x85\x9b31m"),
        ("\u202e\u202a\u2066\u2069", r"\u202e\u202a\u2066\u2069"),
        ("paid\rfree", r"paid\rfree"),
        ("one\r\ntwo\tthree\n", "one\r\ntwo\tthree\n"),
        ("plain äöü 你好 👩‍👧 שלום ✓", "plain äöü 你好 👩‍👧 שלום ✓"),
    ],
)
def test_control_characters_are_written_out(text: str, shown: str) -> None:
    assert visible(text) == shown
    assert visible(shown) == shown


def test_a_line_holds_no_other_line() -> None:
    assert one_line("a\nb\tc\r\nd\u2028e") == r"a\nb\tc\r\nd\u2028e"


def test_a_row_in_a_pipe_stays_one_row(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows([{"key": RED, "title": "a\nb\tc"}], {"key": "key", "title": "title"}, "")
    assert capsys.readouterr().out == SHOWN + "\t" + r"a\nb\tc" + "\n"


def test_a_table_keeps_its_own_colours_and_no_others() -> None:
    console = Console(force_terminal=True, width=80, color_system="standard")
    with console.capture() as captured:
        console.print(table_of([{"key": RED}], {"key": "key"}, ""))
    assert "\x1b[1m" in captured.get()
    assert "\x1b[31m" not in captured.get()
    assert SHOWN in captured.get()


def test_a_field_of_many_lines_passes_for_no_other_field(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_fields({"title": "one\nstatus  approved", "status": RED})
    assert capsys.readouterr().out == (f"title   one\n        status  approved\nstatus  {SHOWN}\n")


def test_a_trace_is_drawn_without_them(capsys: pytest.CaptureFixture[str]) -> None:
    execution = {
        "workflow": "orders",
        "version": 1,
        "execution_id": "exec_1",
        "status": "failed",
        "result": "failed",
        "duration_ms": None,
        "started_at": None,
        "trigger_event": RED,
        "paused_reason": None,
        "error_code": "action_failed",
        "error_message": f"{RED}\nexec_2: completed",
    }
    lists: dict[str, list[Any]] = {"steps": [], "not_taken": [], "remaining": [], "approvals": []}
    print_trace({"execution": execution, **lists})
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert out.splitlines()[-1] == "action_failed: " + SHOWN + r"\nexec_2: completed"


def test_an_error_message_is_told_without_them(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        fail(f"refused: {RED}")
    assert capsys.readouterr().err == f"sluicegate: refused: {SHOWN}\n"


def test_json_and_documents_in_a_pipe_are_exact(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"key": "\x9b\u202e"})
    assert capsys.readouterr().out == '{\n  "key": "\x9b\u202e"\n}\n'
    write_document("# \u202e\n")
    assert capsys.readouterr().out == "# \u202e\n"


def test_all_text_goes_out_at_one_place() -> None:
    folder = ROOT / "cli"
    found = {
        str(path.relative_to(folder))
        for path in folder.rglob("*.py")
        if any(f"sys.{name}.write" in path.read_text() for name in ("stdout", "stderr"))
    }
    assert found <= ITSELF


def explained(folder: Path, *more: str, **how: Any) -> "subprocess.CompletedProcess[str]":
    (folder / "orders.yaml").write_text(ORDERS)
    event = json.dumps({"type": "order.created", "data": {"country": RED}})
    return subprocess.run(
        [sys.executable, "-m", "cli", "explain", str(folder), "--event", event, *more],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=60,
        **how,
    )


def test_an_event_is_explained_without_its_colours(tmp_path: Path) -> None:
    done = explained(tmp_path, stdout=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    assert SHOWN in done.stdout


@pytest.mark.parametrize("more", [(), ("--json",)])
@pytest.mark.parametrize("buffered", ["", "1"])
def test_a_reader_that_has_enough_is_no_failure(
    tmp_path: Path, more: tuple[str, ...], buffered: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONUNBUFFERED", buffered)
    end, pipe = os.pipe()
    os.close(end)
    try:
        done = explained(tmp_path, *more, stdout=pipe)
    finally:
        os.close(pipe)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("asked", [("--help",), ("approvals", "--help"), ("--version",)])
def test_a_reader_that_has_enough_of_a_help_is_no_failure(asked: tuple[str, ...]) -> None:
    end, pipe = os.pipe()
    os.close(end)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "cli", *asked],
            cwd=ROOT,
            stdout=pipe,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=60,
        )
    finally:
        os.close(pipe)
    assert (done.returncode, done.stderr) == (0, "")
