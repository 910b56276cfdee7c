"""What the offline commands read: definitions without mistakes, and an event as JSON."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from actions.definitions import Folder, folder_of, read_folder, read_into
from cli.errors import USAGE, fail
from cli.given import read_data
from cli.printing import write_lines
from engine.durations import parse_instant
from engine.explain import Event

TYPE_FIELDS = ("type", "event_type")
"""Where a plain payload may name its type (interfaces.md, SLUICEGATE_EVENT_TYPE_FIELD)."""
LONGEST_TYPE = 255
ENVELOPE = frozenset({"type", "data", "key", "id", "source", "time", "subject"})
"""What an event that is given with its data may say; with anything else it is a payload."""


def read_sound(path: Path) -> Folder:
    """Return the definitions of a file or folder; with mistakes print all and exit 1."""
    if not path.exists():
        fail(f"{path}: no such file or folder", USAGE)
    found = Folder()
    if path.is_dir():
        found = read_folder(folder_of(path))
    else:
        read_into(path, found)
    if found.mistakes:
        write_lines(map(str, sorted(found.mistakes)))
        fail("mend the mistakes above first")
    if not found.definitions:
        fail(f"{path} holds no workflow definition", USAGE)
    return found


def read_event(text: str, type: str | None, otherwise: str | None = None) -> Event:
    """Return an event given as JSON, `@file` or `-`: `{type, data, ...}`, or the payload alone.

    The type of a payload is `type`, else what its own field says, else `otherwise`.
    """
    value = read_data(text, "--event")
    _refuse_unreadable(value)
    data = _data_of(value)
    if data is not None:
        return _from_envelope(value, _sound_type(type or value["type"]), data)
    named = (value.get(key) for key in TYPE_FIELDS)
    first = next((name for name in named if isinstance(name, str) and name), None)
    found = type or first or otherwise
    if found is None:
        fail("the event has no type: give --type, or {type: ..., data: {...}}", USAGE)
    return Event(_sound_type(found), value, source="/cli")


def _sound_type(type: str) -> str:
    if not 1 <= len(type) <= LONGEST_TYPE:
        fail(f"--event: no worker reads this: a type has 1 to {LONGEST_TYPE} characters", USAGE)
    return type


def _refuse_unreadable(value: Mapping[str, Any]) -> None:
    """End where no worker would read the event: it becomes a dead letter, and starts nothing."""
    from streams.codecs import encode
    from streams.json_check import MAX_EVENT_BYTES, Undecodable

    try:
        encode(value, MAX_EVENT_BYTES)
    except Undecodable as problem:
        fail(f"--event: no worker reads this: {problem.message}", USAGE)


def _data_of(value: Mapping[str, Any]) -> Mapping[str, object] | None:
    """Return the data of an event, None for what a worker would take as a payload alone."""
    from streams.cloud_events import is_unannounced, structured_payload
    from streams.json_check import Undecodable

    if is_unannounced("", value):
        try:
            return structured_payload(value)
        except Undecodable as problem:
            fail(f"--event: no worker reads this: {problem.message}", USAGE)
    data = value.get("data")
    if not isinstance(value.get("type"), str) or not isinstance(data, Mapping):
        return None
    return data if "specversion" in value or value.keys() <= ENVELOPE else None


def _from_envelope(value: Mapping[str, Any], type: str, data: Mapping[str, object]) -> Event:
    texts = {key: str(value[key]) for key in ("id", "source") if value.get(key) is not None}
    key = value.get("key")
    return Event(
        type,
        data,
        texts.get("id", "event-1"),
        texts.get("source", "/cli"),
        str(key) if key is not None else None,
        _instant(value.get("time")),
        None if value.get("subject") is None else str(value["subject"]),
    )


def _instant(value: object) -> datetime | None:
    if value is None:
        return None
    try:
        return parse_instant(str(value))
    except ValueError as problem:
        fail(f"the event's time: {problem}", USAGE)
