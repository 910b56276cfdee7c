"""`sluicegate graph` as typed."""

from pathlib import Path

from typer.testing import CliRunner

from cli.errors import FAILED, NOT_FOUND, USAGE
from cli.main import app
from engine.drawing.picture import mermaid_of, svg_of
from tests.drawings import CORPUS, ROOT, definition_of_file

ORDER = ROOT / "examples/order-approval.yaml"


def graph(*arguments: object) -> tuple[int, str, str]:
    """Run the command in this process; return exit code, output and errors."""
    done = CliRunner().invoke(app, ["graph", *map(str, arguments)])
    assert done.exception is None or isinstance(done.exception, SystemExit)
    return done.exit_code, done.stdout, done.stderr


def test_a_definition_is_printed_as_svg() -> None:
    assert graph(ORDER) == (0, svg_of(definition_of_file(ORDER)), "")


def test_or_as_mermaid() -> None:
    assert graph(ORDER, "--mermaid") == (0, mermaid_of(definition_of_file(ORDER)), "")


def test_or_written_into_a_file(tmp_path: Path) -> None:
    out = tmp_path / "order.svg"
    assert graph(ORDER, "--out", out) == (0, "", "")
    assert out.read_text("utf-8") == svg_of(definition_of_file(ORDER))


def test_a_definition_with_mistakes_is_not_drawn_but_all_of_them_are_named() -> None:
    code, printed, errors = graph(CORPUS / "broken/six-mistakes.yaml")
    assert (code, printed) == (FAILED, "")
    assert len(errors.splitlines()) == 6
    assert "six-mistakes.yaml:5:5: a step needs one of" in errors


def test_what_is_no_definition_is_refused(tmp_path: Path) -> None:
    assert graph(tmp_path / "gone.yaml")[0] == NOT_FOUND
    assert graph(tmp_path)[0] == USAGE
    code, _, errors = graph(ROOT / "examples/resources.yaml")
    assert (code, "is no definition; name one file" in errors) == (USAGE, True)


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    code, _, errors = graph(ORDER, "--out", tmp_path / "no/such/folder.svg")
    assert code != 0
    assert "cannot be written: No such file or directory" in errors
