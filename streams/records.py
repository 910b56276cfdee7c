"""`create_record` and `update_record`: rows of our own database, in the batch's transaction."""

from collections.abc import Iterable, Sequence

from engine.effects import Refuse, WriteRecord
from storage.store import Transaction
from streams.ledger import RecordWrite

Result = dict[str, object] | Refuse
Key = tuple[str, str]


def waves(writes: Iterable[RecordWrite]) -> list[list[RecordWrite]]:
    """Split writes so that no record occurs twice in one statement, keeping their order."""
    found: list[tuple[set[Key], list[RecordWrite]]] = []
    last: dict[Key, int] = {}
    for item in writes:
        key = (item.write.entity, item.write.entity_id)
        turn = last.get(key, -1) + 1
        last[key] = turn
        if turn == len(found):
            found.append((set(), []))
        found[turn][0].add(key)
        found[turn][1].append(item)
    return [wave for _, wave in found]


def statement_of(write: WriteRecord) -> str:
    """Return the statement that performs a write."""
    if write.mode == "create":
        return "create_records"
    return "upsert_records" if write.expected_version is None else "update_expected_records"


async def write_records(
    transaction: Transaction, writes: Sequence[RecordWrite]
) -> list[tuple[RecordWrite, Result]]:
    """Write all, and return what became of each: the record's version, or why it was refused."""
    results: list[tuple[RecordWrite, Result]] = []
    for wave in waves(writes):
        versions = await _write_wave(transaction, wave)
        for item in wave:
            version = versions.get((item.write.entity, item.write.entity_id))
            results.append((item, _result(item.write, version)))
    return results


async def _write_wave(transaction: Transaction, wave: list[RecordWrite]) -> dict[Key, int]:
    by_statement: dict[str, list[dict[str, object]]] = {}
    for item in wave:
        write = item.write
        row: dict[str, object] = {
            "entity_type": write.entity,
            "entity_id": write.entity_id,
            "data": write.values,
            "expected_version": write.expected_version,
        }
        by_statement.setdefault(statement_of(write), []).append(row)
    versions: dict[Key, int] = {}
    for name, rows in by_statement.items():
        for written in await transaction.fetch_written(name, rows):
            versions[(written["entity_type"], written["entity_id"])] = written["version"]
    return versions


def _result(write: WriteRecord, version: int | None) -> Result:
    about = f"{write.entity} {write.entity_id}"
    if version is not None:
        return {"entity": write.entity, "id": write.entity_id, "version": version}
    if write.mode == "create":
        return Refuse("record_exists", f"{about} exists already; use update_record to change it")
    wanted = write.expected_version
    return Refuse("stale_version", f"{about} is not at version {wanted}; read it again")
