"""Codes of refused decisions."""

import ast
from collections.abc import Iterator
from pathlib import Path

from api.saying import STATUS_OF_CODE
from engine.codes import COMMAND_CODES, RECEIPT_CODES

ROOT = Path(__file__).parents[3]
REFUSERS = ("Refuse", "_refuse")


def refused_with() -> Iterator[str]:
    """Yield the codes that are written out where something is refused."""
    for folder in ("engine", "streams/agents"):
        for file in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                match node:
                    case ast.Call(func=ast.Name(id=name), args=arguments) if name in REFUSERS:
                        texts = (a.value for a in arguments[:2] if isinstance(a, ast.Constant))
                        yield from (str(text) for text in texts if str(text).islower())


def test_what_is_refused_is_refused_with_a_code_of_the_lists_only() -> None:
    codes = {text for text in refused_with() if " " not in text}
    assert codes
    assert codes <= {code.name for code in (*RECEIPT_CODES, *COMMAND_CODES)}


def test_codes_are_unique_and_explained() -> None:
    for codes in (RECEIPT_CODES, COMMAND_CODES):
        assert len({code.name for code in codes}) == len(codes)
        assert all(code.about.endswith(".") for code in codes)


def test_the_http_interface_answers_with_the_status_of_the_code() -> None:
    assert STATUS_OF_CODE["self_approval"] == 403
    assert STATUS_OF_CODE["unknown"] == 404
    assert STATUS_OF_CODE["invalid_form"] == 422
    assert STATUS_OF_CODE["already_decided"] == 409
