"""Log lines: two forms, no secrets in either (requirements.md S61)."""

import json
import logging
from collections.abc import Iterator

import pytest

from config.logging import configure_logging

SECRET = 'pa"ss/wörd'
log = logging.getLogger("sluicegate.test")


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Leave the root logger as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


# S61
def test_a_json_line_has_level_message_and_what_it_is_about(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging("INFO", "json")
    extra = {"execution_id": "exec_1", "workflow": "w", "step": "s", "fields": {"order": "ö-1"}}
    log.warning("order %s is late", "o-1", extra=extra)
    line = json.loads(capsys.readouterr().err)
    assert line.pop("at").endswith("+00:00")
    assert line == {
        "level": "warning",
        "logger": "sluicegate.test",
        "message": "order o-1 is late",
        **extra,
    }


def test_a_line_break_in_a_message_makes_no_second_json_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging("INFO", "json")
    log.info('a\n{"level": "error", "message": "forged"}')
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert json.loads(lines[0])["level"] == "info"


def test_console_lines_are_short_and_name_the_execution(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging("INFO", "console")
    log.info("hello", extra={"execution_id": "exec_1", "workflow": "w"})
    line = capsys.readouterr().err
    assert "INFO    sluicegate.test: hello [w exec_1]" in line


def test_what_data_brings_into_a_console_line_neither_ends_nor_colours_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging("INFO", "console")
    logging.getLogger("sluicegate.workflow").info("paid\n12:00 ERROR \x1b[31mforged")
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith(r"paid\n12:00 ERROR \x1b[31mforged")


def test_without_a_terminal_auto_means_json(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("INFO", "auto")
    log.info("hello")
    assert json.loads(capsys.readouterr().err)["message"] == "hello"


def test_lines_below_the_level_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("warning", "json")
    log.info("hello")
    assert capsys.readouterr().err == ""


# S55
@pytest.mark.parametrize("form", ["json", "console"])
def test_no_secret_is_in_message_arguments_fields_or_traceback(
    form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging("INFO", form, [SECRET, "other-secret", ""])
    try:
        raise RuntimeError(f"login with {SECRET} failed")
    except RuntimeError:
        log.exception(
            "cannot call https://x/pa%%22ss%%2Fw%%C3%%B6rd with %s",
            SECRET,
            extra={"fields": {"token": SECRET, "b": ["other-secret"]}, "execution_id": "exec_1"},
        )
    text = capsys.readouterr().err
    for shape in (SECRET, json.dumps(SECRET, ensure_ascii=False)[1:-1], "other-secret", "pa%22ss"):
        assert shape not in text
    assert text.count("***") >= 5
    assert "RuntimeError: login with *** failed" in text
    if form == "json":
        json.loads(text)


def test_a_client_that_says_the_same_at_every_try_is_written_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging("INFO", "json")
    client = logging.getLogger("aiokafka.conn")
    for _ in range(5):
        client.error("no broker at %s", "127.0.0.1:1")
    client.error("no broker at %s", "127.0.0.1:2")
    lines = [json.loads(line)["message"] for line in capsys.readouterr().err.splitlines()]
    assert lines == ["no broker at 127.0.0.1:1", "no broker at 127.0.0.1:2"]
