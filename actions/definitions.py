"""Definition files: text to checked definitions, with all their mistakes at once."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from actions.addresses import check_resource_urls, check_urls
from actions.circles import Reach, reaches_of, warnings_of
from actions.plugins import LOADERS, plugged_in
from actions.schemas import check_schemas
from config.documents import Places, SyntaxMistake, parse_document
from engine.definition import Definition
from engine.errors import SluicegateError
from engine.loading.definition import read_definition as read_data
from engine.loading.node import Findings, Node
from engine.loading.resources import read_resources as read_resource_data

SUFFIXES = (".yaml", ".yml", ".json")
RESOURCES = "resources"


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """One mistake and where it stands; line and column count from 1."""

    file: str
    line: int
    column: int
    problem: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.problem}"


class DefinitionInvalid(SluicegateError):
    """Definitions with mistakes; all of them."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(sorted(set(mistakes)))
        super().__init__("\n".join(map(str, self.mistakes)))


@dataclass(slots=True)
class Folder:
    """What a folder of definitions holds."""

    definitions: list[Definition] = field(default_factory=list)
    resources: dict[str, Any] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)
    warnings: list[Mistake] = field(default_factory=list)
    reaches: dict[str, list[Reach]] = field(default_factory=dict)
    """Where each workflow starts others."""

    def take(self, definition: Definition) -> None:
        """Take in a definition; a name that another file uses already is a mistake."""
        names = {known.name: known.file for known in self.definitions}
        other = names.get(definition.name, definition.file)
        if other != definition.file:
            problem = f"the workflow {definition.name!r} stands in {other} already; rename one"
            self.mistakes.append(Mistake(definition.file, 1, 1, problem))
            return
        self.definitions.append(definition)

    def add(self, other: "Folder") -> None:
        """Take in what another folder holds."""
        for definition in other.definitions:
            self.take(definition)
        self.resources.update(other.resources)
        self.mistakes.extend(other.mistakes)
        self.warnings.extend(other.warnings)
        self.reaches.update(other.reaches)

    def warn(self) -> None:
        """Note circles of workflows, and children that nobody declares."""
        for definition, reach, text in warnings_of(self.definitions, self.reaches):
            self.warnings.append(Mistake(definition.file, reach.line, reach.column, text))


@dataclass(frozen=True, slots=True)
class Examined:
    """A definition with what is wrong and what is odd about it."""

    definition: Definition | None
    mistakes: list[Mistake]
    warnings: list[Mistake] = field(default_factory=list)
    reaches: list[Reach] = field(default_factory=list)


def read_definition(
    text: str, *, file: str, resources: Iterable[str] | None = None, version: int = 0
) -> Definition:
    """Return a checked definition; raises DefinitionInvalid with every mistake of the text."""
    definition, mistakes, _ = examine(text, file=file, resources=resources, version=version)
    if definition is None or mistakes:
        raise DefinitionInvalid(mistakes)
    return definition


def examine(
    text: str, *, file: str, resources: Iterable[str] | None = None, version: int = 0
) -> tuple[Definition | None, list[Mistake], list[Mistake]]:
    """Return the definition, its mistakes and its warnings."""
    found = _examine(text, file=file, resources=resources, version=version)
    return found.definition, found.mistakes, found.warnings


def _examine(text: str, *, file: str, resources: Iterable[str] | None, version: int) -> Examined:
    try:
        data, places = parse_document(text)
    except SyntaxMistake as problem:
        return Examined(None, [Mistake(file, problem.line, problem.column, problem.problem)])
    known = None if resources is None else tuple(resources)
    definition, findings = read_data(
        data, resources=known, plugged_in=plugged_in(), file=file, source=text, version=version
    )
    root = Node(data, (), findings)
    check_schemas(root)
    check_urls(root)
    return Examined(definition, *_placed(findings, places, file), [*reaches_of(data, places)])


def _placed_syntax(places: Places, file: str) -> set[Mistake]:
    return {Mistake(file, found.line, found.column, found.problem) for found in places.mistakes}


def _placed(findings: Findings, places: Places, file: str) -> tuple[list[Mistake], list[Mistake]]:
    mistakes, warnings = (
        sorted(
            {
                Mistake(file, *places.at(at), problem)
                for at, problem in found
                if at not in places.unread
            }
        )
        for found in (findings.mistakes, findings.warnings)
    )
    return sorted({*mistakes, *_placed_syntax(places, file)}), warnings


def folder_of(path: Path) -> Path:
    """Return where the definitions of a folder are: of a project (`sluicegate new`) `workflows`."""
    own = path / "workflows"
    return own if own.is_dir() else path


def definition_files(folder: Path) -> list[Path]:
    """Return the definition files of a folder, without tests and resources."""
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix in SUFFIXES and path.stem != RESOURCES and not path.stem.endswith(".test")
    )


def read_folder(folder: Path) -> Folder:
    """Read all definitions and the resources of a folder, and gather every mistake."""
    found = Folder()
    files = [folder / f"{RESOURCES}{suffix}" for suffix in SUFFIXES]
    readable = [_read_resources(path, found) for path in files if path.exists()]
    declared = found.resources if all(readable) else None
    for path in definition_files(folder):
        _read_file(path, declared, found)
    found.warn()
    return found


def _read_text(path: Path, found: Folder) -> str | None:
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError:
        found.mistakes.append(Mistake(str(path), 1, 1, "the file is not UTF-8"))
    except OSError as problem:
        found.mistakes.append(Mistake(str(path), 1, 1, f"cannot be read: {problem.strerror}"))
    return None


def read_into(path: Path, found: Folder) -> None:
    """Read one file: a definition, or the resources that stand beside it."""
    if path.stem == RESOURCES:
        _read_resources(path, found)
        return
    beside = [path.with_name(f"{RESOURCES}{suffix}") for suffix in SUFFIXES]
    declared: dict[str, object] | None = None
    for resources in (file for file in beside if file.exists()):
        others = Folder()
        declared = others.resources if _read_resources(resources, others) else None
    _read_file(path, declared, found)


def _read_file(path: Path, declared: Mapping[str, object] | None, found: Folder) -> None:
    text = _read_text(path, found)
    if text is None:
        return
    read = _examine(text, file=str(path), resources=declared, version=0)
    found.mistakes.extend(read.mistakes)
    found.warnings.extend(read.warnings)
    if read.definition is not None and not read.mistakes:
        found.take(read.definition)
        found.reaches[read.definition.name] = read.reaches


def _read_resources(path: Path, found: Folder) -> bool:
    """Read declarations; tell whether their names could be read."""
    text = _read_text(path, found)
    if text is None:
        return False
    try:
        data, places = parse_document(text)
    except SyntaxMistake as problem:
        mistake = Mistake(str(path), problem.line, problem.column, problem.problem)
        found.mistakes.append(mistake)
        return False
    findings = Findings()
    root = Node(data, (), findings)
    found.resources.update(read_resource_data(root, plugged_in(LOADERS)))
    check_resource_urls(root)
    mistakes, warnings = _placed(findings, places, str(path))
    found.mistakes.extend(mistakes)
    found.warnings.extend(warnings)
    return True
