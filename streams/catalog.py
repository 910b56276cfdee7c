"""The definitions that this worker knows: latest versions for triggers, all others on demand."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from actions.stored import compile_stored
from config.bounds import Bounds
from engine.correlation import WaitShape, shapes_of
from engine.definition import Definition, Trigger
from engine.errors import SluicegateError
from engine.ids import version_id
from engine.patterns import PatternIndex
from engine.schedule import Schedule
from storage.store import PostgresStore, Transaction

REMEMBERED_TYPES = 10_000
"""Most event types whose matches are kept."""


@dataclass(frozen=True, slots=True)
class Version:
    """A registered version: its row's id and what it says."""

    id: str
    definition: Definition


@dataclass(frozen=True, slots=True)
class Start:
    """A trigger of a version that an event may fire."""

    version: Version
    trigger: Trigger


def version_from_row(row: Mapping[str, Any]) -> Version:
    """Return a stored version, compiled."""
    definition = compile_stored(row["body"], file=row["file"], version=row["version"])
    return Version(row["id"], definition)


class Catalog:
    """Definitions in memory, as of one revision, and the bounds of what they may lead to."""

    def __init__(self, store: PostgresStore, bounds: Bounds | None = None) -> None:
        self._store, self.bounds = store, bounds or Bounds()
        self.revision = -1
        self.resources: Mapping[str, Any] = {}
        self._versions: dict[tuple[str, int], Version] = {}
        self._latest: dict[str, Version] = {}
        self._triggers: PatternIndex[Start] = PatternIndex()
        self._shapes: PatternIndex[WaitShape] = PatternIndex()
        self._matched: dict[str, tuple[list[Start], list[WaitShape]]] = {}

    async def refresh(self) -> None:
        """Read what changed since the last time; raises what the database raises."""
        async with self._store.transaction() as transaction:
            revision = (await transaction.fetch("read_revision"))[0]["revision"]
            if revision == self.revision:
                return
            latest = await transaction.fetch("latest_workflows")
            shapes = await transaction.fetch("read_wait_shapes")
            resources = await transaction.fetch("read_resources")
        self._take_versions(latest)
        self._shapes = PatternIndex()
        for row in shapes:
            self._shapes.add(row["event"], WaitShape(row["event"], tuple(row["paths"])))
        self._matched.clear()
        self.resources = {row["name"]: row["declaration"] for row in resources}
        self.revision = revision

    def _take_versions(self, rows: Iterable[Mapping[str, Any]]) -> None:
        for row in rows:
            known = self._versions.get((row["name"], row["version"]))
            version = known or version_from_row(row)
            self._versions[(row["name"], row["version"])] = version
            self._latest[row["name"]] = version
        triggers: PatternIndex[Start] = PatternIndex()
        for version in self.by_priority():
            for trigger in version.definition.triggers:
                if trigger.event is not None:
                    triggers.add(trigger.event, Start(version, trigger))
        self._triggers = triggers

    def by_priority(self) -> list[Version]:
        """Return the enabled latest versions in the order in which they start (D29)."""
        enabled = [version for version in self._latest.values() if version.definition.enabled]
        return sorted(enabled, key=lambda v: (-v.definition.priority, v.definition.name))

    def starts(self, event_type: str) -> list[Start]:
        """Return the triggers whose pattern an event type matches."""
        return self._match(event_type)[0]

    def shapes(self, event_type: str) -> list[WaitShape]:
        """Return the forms of waits that an event of this type may end."""
        return self._match(event_type)[1]

    def _match(self, event_type: str) -> tuple[list[Start], list[WaitShape]]:
        found = self._matched.get(event_type)
        if found is None:
            if len(self._matched) >= REMEMBERED_TYPES:
                self._matched.clear()
            found = self._triggers.match(event_type), self._shapes.match(event_type)
            self._matched[event_type] = found
        return found

    def latest(self, name: str) -> Version | None:
        """Return the newest version of an enabled workflow."""
        version = self._latest.get(name)
        return version if version is not None and version.definition.enabled else None

    async def find(self, transaction: Transaction, name: str, number: int) -> Version | None:
        """Return one version, None if it was never registered."""
        if (name, number) in self._versions:
            return self._versions[(name, number)]
        rows = await transaction.fetch("workflow_version", name=name, version=number)
        return await self.version(transaction, name, number) if rows else None

    async def version(self, transaction: Transaction, name: str, number: int) -> Version:
        """Return one version, from memory or from its row."""
        known = self._versions.get((name, number))
        if known is None:
            rows = await transaction.fetch("workflow_version", name=name, version=number)
            known = version_from_row(rows[0])
            self._versions[(name, number)] = known
        return known


class DefinitionChanged(SluicegateError):
    """The latest version of a workflow is not the one that its author has seen."""

    def __init__(self, name: str, stored: str | None) -> None:
        now = "does not exist" if stored is None else f"is now at content hash {stored}"
        super().__init__(f"the workflow {name} {now}; read it again and repeat the change")


def _require_expected(name: str, row: Mapping[str, Any] | None, expected: Collection[str]) -> None:
    stored = None if row is None else row["content_hash"]
    fits = stored is not None if "*" in expected else (stored or "") in expected
    if not fits:
        raise DefinitionChanged(name, stored)


async def register(
    store: PostgresStore,
    definitions: Iterable[Definition],
    resources: Mapping[str, object],
    expected: Mapping[str, Collection[str]] | None = None,
) -> list[tuple[str, int]]:
    """Store changed definitions as new versions, all or none; return names and versions.

    `expected`: content hashes of which the latest version of a name must have one, `*` for any,
    an empty one for a name that must be new; raises DefinitionChanged otherwise.
    """
    applied: list[tuple[str, int]] = []
    async with store.transaction() as transaction:
        await transaction.fetch("lock_catalog")
        latest = {row["name"]: row for row in await transaction.fetch("latest_workflows")}
        changed = False
        for definition in definitions:
            row = latest.get(definition.name)
            if expected is not None and definition.name in expected:
                _require_expected(definition.name, row, expected[definition.name])
            if row is not None and row["content_hash"] == definition.content_hash:
                continue
            number = 1 if row is None else row["version"] + 1
            await _insert_version(transaction, definition, number)
            applied.append((definition.name, number))
            changed = True
        for name, declaration in resources.items():
            written = await transaction.fetch(
                "upsert_resource", name=name, declaration=orjson.dumps(declaration).decode()
            )
            changed = changed or bool(written)
        if changed:
            await transaction.run("raise_revision")
    return applied


async def _insert_version(transaction: Transaction, definition: Definition, number: int) -> None:
    await transaction.run(
        "insert_workflow",
        id=version_id(definition.name, number),
        name=definition.name,
        version=number,
        content_hash=definition.content_hash,
        definition=definition.source,
        body=orjson.dumps(definition.body).decode(),
        file=definition.file,
        description=definition.description,
        labels=orjson.dumps(dict(definition.labels)).decode(),
        enabled=definition.enabled,
        priority=definition.priority,
    )
    for shape in shapes_of(definition):
        await transaction.run("insert_wait_shape", event=shape.event, paths=list(shape.paths))
    await _register_schedules(transaction, definition, number)


def schedules_of(definition: Definition) -> dict[str, tuple[int, Schedule]]:
    """Return a definition's schedules by name: the workflow's, numbered where it has several."""
    found = [
        (number, trigger.schedule)
        for number, trigger in enumerate(definition.triggers)
        if trigger.schedule is not None
    ]
    if len(found) == 1:
        return {definition.name: found[0]}
    return {f"{definition.name}:{number}": (number, schedule) for number, schedule in found}


async def _register_schedules(
    transaction: Transaction, definition: Definition, version: int
) -> None:
    """Keep the schedules of a new version; a changed cron begins anew from now."""
    found = schedules_of(definition)
    for name, (number, schedule) in found.items():
        await transaction.run(
            "upsert_schedule",
            name=name,
            workflow_name=definition.name,
            version=version,
            trigger_number=number,
            enabled=definition.enabled,
            cron=f"{schedule.cron}|{schedule.timezone}",
        )
    await transaction.run("delete_schedules", workflow_name=definition.name, names=sorted(found))
