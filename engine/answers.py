"""What a rehearsal is answered: by calls, by records, by other workflows."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from engine.definition import Definition
from engine.effects import Perform, StartChild, WriteRecord
from engine.templates import Secret
from engine.values import dataclass


@dataclass(frozen=True, slots=True)
class Succeeds:
    """The answer to a call: it was done; of a child the output is `{result, outputs}`."""

    output: object = None


@dataclass(frozen=True, slots=True)
class Fails:
    """The answer to a call: this attempt failed; or a child that failed."""

    code: str
    message: str
    retryable: bool = False


@dataclass(frozen=True, slots=True)
class Doubtful:
    """The answer to a call: nobody knows whether it was done (D28)."""


@dataclass(frozen=True, slots=True)
class Runs:
    """The answer to the start of a child: it is rehearsed as well."""

    definition: Definition


Answer: TypeAlias = Succeeds | Fails | Doubtful | Runs
Asked: TypeAlias = Perform | WriteRecord | StartChild
"""What somebody else must answer."""
Answerer: TypeAlias = Callable[[Asked], Answer]


@dataclass(frozen=True, slots=True)
class Row:
    """A row of `records`."""

    data: Mapping[str, object]
    version: int = 1


class Records:
    """The table `records`, in memory."""

    def __init__(self, rows: Mapping[tuple[str, str], Row] | None = None) -> None:
        self.rows: dict[tuple[str, str], Row] = dict(rows or {})

    def write(self, write: WriteRecord) -> Answer:
        """Write as the batch does: create once, merge an update, respect an expected version."""
        key, about = (write.entity, write.entity_id), f"{write.entity} {write.entity_id}"
        held, wanted = self.rows.get(key), write.expected_version
        if write.mode == "create" and held is not None:
            return Fails("record_exists", f"{about} exists already; use update_record to change it")
        if wanted is not None and (held is None or held.version != wanted):
            return Fails("stale_version", f"{about} is not at version {wanted}; read it again")
        row = Row(write.values)
        if held is not None:
            row = Row({**held.data, **write.values}, held.version + 1)
        self.rows[key] = row
        return Succeeds({"entity": write.entity, "id": write.entity_id, "version": row.version})


def shown_params(asked: Perform) -> dict[str, object]:
    """Return what a call sends, with `${secrets.NAME}` where a secret will stand."""
    shown: object = dict(asked.params)
    for slot in asked.secrets:
        text = "".join(
            f"${{secrets.{part.name}}}" if isinstance(part, Secret) else part for part in slot.parts
        )
        shown = _put(shown, slot.at, text)
    return shown if isinstance(shown, dict) else {}


def _put(node: object, at: tuple[str | int, ...], text: str) -> object:
    """Return a value with a text at a place inside it."""
    if not at:
        return text
    key, rest = at[0], at[1:]
    if isinstance(node, dict):
        return {**node, key: _put(node.get(key), rest, text)}
    if isinstance(node, list) and isinstance(key, int):
        return [_put(item, rest, text) if n == key else item for n, item in enumerate(node)]
    return node
