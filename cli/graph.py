"""`sluicegate graph`: a picture of a definition."""

from pathlib import Path
from typing import TYPE_CHECKING

from cli.errors import FAILED, NOT_FOUND, OK, USAGE, fail
from cli.printing import complain, write_document

if TYPE_CHECKING:
    from actions.definitions import Folder


def draw_file(path: Path, *, mermaid: bool, out: Path | None) -> int:
    """Print the picture of a definition, or write it; returns the exit code.

    A definition with mistakes is not drawn: all of them are printed.
    """
    from actions.definitions import RESOURCES, Folder, read_into

    if not path.exists():
        fail(f"{path}: no such file", NOT_FOUND)
    if path.is_dir() or path.stem == RESOURCES:
        fail(f"{path} is no definition; name one file", USAGE)
    found = Folder()
    read_into(path, found)
    for mistake in sorted(found.mistakes):
        complain(f"{mistake}\n")
    if found.mistakes:
        return FAILED
    _write(_drawn(found, mermaid=mermaid), out)
    return OK


def _drawn(found: "Folder", *, mermaid: bool) -> str:
    from engine.drawing.picture import mermaid_of, svg_of

    [definition] = found.definitions
    return mermaid_of(definition) if mermaid else svg_of(definition)


def _write(text: str, out: Path | None) -> None:
    if out is None:
        write_document(text)
        return
    try:
        out.write_text(text, "utf-8")
    except OSError as problem:
        fail(f"{out} cannot be written: {problem.strerror}")
