"""`sluicegate validate` and `apply`."""

import sys
from collections.abc import Sequence
from pathlib import Path

from actions.definitions import Folder, Mistake, read_folder, read_into
from cli.errors import FAILED, OK, fail
from cli.parts import open_store, settings_for_database


def validate_files(paths: Sequence[Path]) -> int:
    """Print every mistake of every file; returns the exit code."""
    found = Folder()
    for path in paths:
        if not path.exists():
            found.mistakes.append(Mistake(str(path), 1, 1, "no such file"))
        elif path.is_dir():
            found.add(read_folder(path))
        else:
            read_into(path, found)
    for mistake in sorted(found.mistakes):
        sys.stdout.write(f"{mistake}\n")
    for warning in sorted(found.warnings):
        sys.stderr.write(f"{warning} (warning)\n")
    for definition in found.definitions:
        sys.stdout.write(f"{definition.file}: ok\n")
    return FAILED if found.mistakes else OK


def read_sound_folder(folder: Path) -> Folder:
    """Return a folder without mistakes; with some, print all and end with exit code 1."""
    if not folder.is_dir():
        fail(f"{folder} is no folder of definitions")
    found = read_folder(folder)
    if found.mistakes:
        for mistake in sorted(found.mistakes):
            sys.stderr.write(f"{mistake}\n")
        fail("nothing was registered: mend the mistakes above")
    return found


async def apply_folder(folder: Path) -> int:
    """Register what changed, all or nothing; returns the exit code."""
    from streams.catalog import register

    found = read_sound_folder(folder)
    async with open_store(settings_for_database()) as store:
        applied = await register(store, found.definitions, found.resources)
    for name, version in applied:
        sys.stdout.write(f"{name}: version {version}\n")
    if not applied:
        sys.stdout.write("no definition has changed\n")
    return OK
