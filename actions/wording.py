"""What a notification says: its message, a deployer's template, or a plain list of its data."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.errors import Invalid, SluicegateError, Unresolved
from engine.templates import Reference, Secret, as_text, parse_text

MAX_TEMPLATE = 64 * 1024
"""Bytes of a template file."""
MAX_SUBJECT = 200
SUBJECT = "subject:"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")

Escape = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Wording:
    """A notification in words; only e-mail shows the subject."""

    subject: str
    text: str


class TemplateBroken(SluicegateError):
    """A template file that cannot be used as it stands."""

    def __init__(self, file: Path, line: int, problem: str) -> None:
        super().__init__(f"{file.name}:{line}: {problem}")


def word(params: Mapping[str, object], channel: str, folder: Path, escape: Escape) -> Wording:
    """Return what to say; blocks to read the template; raises ValueError or TemplateBroken.

    `escape` takes the meaning of markup from data; a template's own text keeps its markup.
    """
    message = params.get("message")
    if message is not None:
        text = as_text(message)
        if not text.strip():
            raise ValueError("the message is empty")
        return Wording(_headline(text), escape(text))
    name, data = str(params.get("template") or ""), params.get("data") or {}
    if not _NAME.fullmatch(name):
        raise ValueError("a notification needs a message, or a template's name: letters, digits, -")
    if not isinstance(data, Mapping):
        raise ValueError("data must be a mapping of names to values")
    file = folder / f"{name}.{channel}.txt"
    lines = _lines(file)
    title = name.replace("-", " ").replace("_", " ").capitalize()
    if lines is None:
        return Wording(title, "\n".join([title, "", *_listed(data, escape)]))
    return _from_template(file, lines, title, data, escape)


def _headline(text: str) -> str:
    """Return the first line of a text that says something, as it can stand in a header."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    shown = "".join(char if char.isprintable() else " " for char in first)
    return shown.strip()[:MAX_SUBJECT]


def _listed(data: Mapping[str, object], escape: Escape) -> list[str]:
    return [escape(f"{name}: {as_text(value)}") for name, value in data.items()]


def _lines(file: Path) -> list[str] | None:
    """Return a template's lines, None where there is no such file."""
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as problem:
        raise TemplateBroken(file, 1, f"cannot be read: {problem.strerror}") from problem
    if len(content) > MAX_TEMPLATE:
        raise TemplateBroken(file, 1, f"a template has at most {MAX_TEMPLATE} bytes")
    try:
        return content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise TemplateBroken(file, 1, "the file is not UTF-8") from None


def _from_template(
    file: Path, lines: list[str], title: str, data: Mapping[str, object], escape: Escape
) -> Wording:
    said = [_render(file, number, line, data, escape) for number, line in enumerate(lines, 1)]
    if lines and lines[0].lower().startswith(SUBJECT):
        subject = said[0][len(SUBJECT) :].strip()
        return Wording(subject, "\n".join(said[1:]).lstrip("\n"))
    return Wording(title, "\n".join(said))


def _render(file: Path, number: int, line: str, data: Mapping[str, object], escape: Escape) -> str:
    try:
        return "".join(_said(part, data, escape) for part in parse_text(line))
    except (Invalid, Unresolved) as problem:
        raise TemplateBroken(file, number, str(problem)) from problem


def _said(part: str | Reference | Secret, data: Mapping[str, object], escape: Escape) -> str:
    match part:
        case str():
            return part
        case Reference():
            return escape(as_text(part.value(data)))
        case Secret():
            raise Invalid((), "a template cannot read secrets")
