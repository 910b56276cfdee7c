"""Registered definitions for those who only read: compiled once each, for versions never change."""

from actions.stored import compile_stored
from engine.definition import Definition
from storage.reading import Reading

KEPT = 128


class Definitions:
    """The definitions of one deployment, by workflow and version."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._compiled: dict[tuple[str, int], Definition] = {}

    async def get(self, workflow: str, version: int) -> Definition | None:
        """Return a definition, None where there is none of that version."""
        held = self._compiled.get((workflow, version))
        if held is not None:
            return held
        row = await self._reading.workflow(workflow, version)
        if row is None:
            return None
        found = compile_stored(row["body"], file=row["file"], version=version)
        if len(self._compiled) >= KEPT:
            self._compiled.clear()
        self._compiled[workflow, version] = found
        return found
