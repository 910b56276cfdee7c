"""`sluicegate validate`, `apply` and `diff`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from difflib import unified_diff
from pathlib import Path
from typing import Any

from actions.definitions import (
    SUFFIXES,
    Folder,
    Mistake,
    definition_files,
    folder_of,
    read_folder,
    read_into,
)
from cli.errors import FAILED, OK, USAGE, fail
from cli.parts import open_store, settings_for_database
from cli.printing import complain, write, write_line, write_lines
from cli.show import print_json
from engine.definition import Definition


def validate_files(paths: Sequence[Path], *, as_json: bool = False) -> int:
    """Print every mistake of every file; returns the exit code."""
    found, empty = Folder(), []
    for path in paths:
        if not path.exists():
            found.mistakes.append(Mistake(str(path), 1, 1, "no such file"))
        elif path.is_dir():
            folder = folder_of(path)
            found.add(read_folder(folder))
            empty += [] if definition_files(folder) else [folder]
        else:
            read_into(path, found)
    code = FAILED if found.mistakes else USAGE if empty else OK
    if as_json:
        _print_as_json(found, valid=code == OK)
    else:
        _print(found)
    for folder in empty:
        complain(f"sluicegate: {_nothing_in(folder)}\n")
    return code


def _nothing_in(folder: Path) -> str:
    endings = ", *".join(SUFFIXES)
    return f"no workflow definition was found in {folder} (*{endings}; subfolders are not read)"


def _print_as_json(found: Folder, *, valid: bool) -> None:
    print_json(
        {
            "valid": valid,
            "definitions": [each.name for each in found.definitions],
            "mistakes": [asdict(each) for each in sorted(found.mistakes)],
            "warnings": [asdict(each) for each in sorted(found.warnings)],
        }
    )


def _print(found: Folder) -> None:
    write_lines(map(str, sorted(found.mistakes)))
    for warning in sorted(found.warnings):
        complain(f"{warning} (warning)\n")
    write_lines(f"{definition.file}: ok" for definition in found.definitions)


def read_sound_folder(folder: Path) -> Folder:
    """Return a folder without mistakes; with some, print all and end with exit code 1."""
    if not folder.is_dir():
        fail(f"{folder} is no folder of definitions")
    found = read_folder(folder_of(folder))
    if found.mistakes:
        for mistake in sorted(found.mistakes):
            complain(f"{mistake}\n")
        fail("nothing was registered: mend the mistakes above")
    if not found.definitions and not found.resources:
        fail(_nothing_in(folder), USAGE)
    return found


async def apply_folder(folder: Path) -> int:
    """Register what changed, all or nothing; returns the exit code."""
    from streams.catalog import register

    found = read_sound_folder(folder)
    async with open_store(settings_for_database(), bounded=False) as store:
        applied = await register(store, found.definitions, found.resources)
    write_lines(f"{name}: version {version}" for name, version in applied)
    if not applied:
        write_line("no definition has changed")
    return OK


async def diff_folder(folder: Path, as_json: bool) -> int:
    """Print what `apply` would register; returns the exit code, 1 where there is something."""
    from storage.reading import Reading

    found = read_sound_folder(folder)
    async with open_store(settings_for_database()) as store:
        reading = Reading(store)
        stored = {each.name: await reading.workflow(each.name) for each in found.definitions}
        resources = await reading.resources()
    changes = [_change(each, stored[each.name]) for each in found.definitions]
    changed = [change for change in changes if change is not None]
    changed += [
        {"resource": name, "change": "new" if name not in resources else "changed"}
        for name, declaration in sorted(found.resources.items())
        if resources.get(name) != declaration
    ]
    if as_json:
        print_json({"changes": changed})
    elif not changed:
        write_line("no definition has changed")
    else:
        write("".join(f"{line}\n" for each in changed for line in _told(each)))
        write(f"\nsluicegate apply {folder} registers this\n")
    return FAILED if changed else OK


def _change(definition: Definition, row: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return how a definition differs from its latest version, None where it does not."""
    if row is not None and row["content_hash"] == definition.content_hash:
        return None
    name, version = definition.name, 0 if row is None else row["version"]
    lines = unified_diff(
        [] if row is None else row["definition"].splitlines(),
        definition.source.splitlines(),
        f"{name} version {version}" if row is not None else "/dev/null",
        definition.file,
        lineterm="",
    )
    kind = "new" if row is None else "changed"
    return {"workflow": name, "change": kind, "version": version + 1, "diff": list(lines)}


def _told(change: Mapping[str, Any]) -> Iterator[str]:
    if "resource" in change:
        yield f"resource {change['resource']}: {change['change']}"
        return
    yield f"{change['workflow']}: {change['change']}, would become version {change['version']}"
    yield from change["diff"]
