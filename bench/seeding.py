"""A large deployment in minutes: executions that were played once, multiplied by COPY."""

import asyncio
import random
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from uuid import UUID

import psycopg
from psycopg.rows import dict_row

from bench.stories import STORIES, Story, name_of
from storage.partitions import ensure_partitions
from storage.store import Connection

CLONES = 7
"""Copies of every workflow under another name, so that there are workflows of all sizes."""
DAYS = 40
"""How far back executions reach: over a border between two months' partitions."""
CHUNK = 5_000
TABLES: Mapping[str, str] = {
    "workflow_executions": "id",
    "events": "event_id",
    "step_executions": "execution_id",
    "waits": "execution_id",
    "approval_requests": "execution_id",
    "approval_votes": "execution_id",
    "decisions": "execution_id",
    "effects": "execution_id",
    "timers": "execution_id",
}
"""Each table with what finds an execution's rows in it."""
COLUMNS = """
select string_agg(quote_ident(column_name), ', ' order by ordinal_position)
from information_schema.columns
where table_name = %s and table_schema = 'public'
    and is_generated = 'NEVER' and is_identity = 'NO'
"""
CLONED = """
insert into workflows (id, name, version, content_hash, definition, body, description, labels)
select
    %(id)s, %(copy)s::text, version, content_hash,
    replace(definition, 'name: ' || name, 'name: ' || %(copy)s::text),
    jsonb_set(body::jsonb, '{name}', to_jsonb(%(copy)s::text))::json, description, labels
from workflows
where name = %(name)s::text
"""
LETTERS = """
insert into dead_letters (
    topic, partition, record_offset, record_timestamp, value, consumer_group, error_type,
    error_message, failed_at, status
)
select
    'events', n %% 4, n, now() - n * interval '1 minute', convert_to('{"n": ' || n || '}', 'utf8'),
    'sluicegate-worker', case when n %% 500 = 0 then 'undecodable' else 'invalid_input' end,
    'order_id is missing', now() - n * interval '1 minute',
    case when n <= 2000 then 'open' when n %% 2 = 0 then 'replayed' else 'discarded' end
from generate_series(%s, 1, -1) as n
"""
INSTANT = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|\+00(?::00)?)")


@dataclass(frozen=True, slots=True)
class Template:
    """The rows of one execution, with places for what differs from copy to copy."""

    story: Story
    formats: tuple[tuple[str, str], ...]
    """Table and text of a row, for COPY."""
    offsets: tuple[float, ...]
    """Instants that its rows name, in seconds from its start."""
    workflow: str


def _columns(connection: psycopg.Connection, table: str) -> str:
    row = connection.execute(COLUMNS, (table,)).fetchone()
    assert row is not None
    return str(row[0])


def _rows_of(connection: psycopg.Connection, table: str, key: str) -> list[str]:
    """Return the rows of a table as COPY writes them."""
    query = f"select {_columns(connection, table)} from {table} where {TABLES[table]} = '{key}'"
    with connection.cursor().copy(f"copy ({query}) to stdout".encode()) as copy:
        return b"".join(bytes(block) for block in copy).decode().splitlines()


class _Reader:
    """Turns the text of one execution's rows into a template's."""

    def __init__(self, id: str, started_at: datetime, workflow: str, version_id: str) -> None:
        self._id, self._started, self._workflow = id, started_at, workflow
        self._version_id = version_id
        self._children: dict[str, str] = {}
        self.offsets: list[float] = []
        time, _, last = id[:13], None, r"7[0-9a-f]{3}"
        self._ids = re.compile(rf"{time}-{last}-[89ab][0-9a-f]{{3}}-[0-9a-f]{{12}}")
        self._plain = re.compile(rf"{time.replace('-', '')}{last}[89ab][0-9a-f]{{15}}")

    def read(self, line: str, name: str) -> str:
        """Return a row with places."""
        text = line.replace("%", "%%")
        text = self._ids.sub(lambda found: f"%(dashed)s{self._child(found[0])}", text)
        text = self._plain.sub(lambda found: f"%(plain)s{self._child(found[0])}", text)
        text = INSTANT.sub(self._instant, text)
        text = text.replace(name, "%(name)s").replace(self._version_id, "%(version_id)s")
        return text.replace(self._workflow, "%(workflow)s")

    def _child(self, id: str) -> str:
        plain = id.replace("-", "")
        return self._children.setdefault(plain, f"{len(self._children):03x}")

    def _instant(self, found: re.Match[str]) -> str:
        text = found[0] if not found[0].endswith("+00") else found[0] + ":00"
        at = datetime.fromisoformat(text)
        self.offsets.append((at - self._started).total_seconds())
        return f"%(t{len(self.offsets) - 1})s"


def read_template(connection: psycopg.Connection, number: int, id: str) -> Template:
    """Return the rows of an execution as a template."""
    row = connection.execute(
        "select started_at, workflow_name, workflow_id::text from workflow_executions"
        " where id = %s",
        (id,),
    ).fetchone()
    assert row is not None
    reader, name = _Reader(id, *row), name_of(number)
    formats = tuple(
        (table, reader.read(line, name))
        for table in TABLES
        for line in _rows_of(connection, table, f"{name}-event" if table == "events" else id)
    )
    return Template(STORIES[number], formats, tuple(reader.offsets), str(row[1]))


def clone_workflows(connection: psycopg.Connection, names: Iterable[str]) -> dict[str, list[str]]:
    """Register copies of workflows under other names; return ids of versions by name and copy."""
    found: dict[str, list[str]] = {}
    for name in names:
        row = connection.execute("select id::text from workflows where name = %s", (name,))
        original = row.fetchone()
        assert original is not None
        found[name] = [str(original[0])]
        for number in range(1, CLONES + 1):
            copy, id = f"{name}-{number}", str(UUID(int=random.getrandbits(128)))
            connection.execute(CLONED, {"id": id, "copy": copy, "name": name})
            found[name].append(id)
    return found


def _age_seconds(story: Story, chance: random.Random) -> float:
    # What is open has mostly come lately, within its time to expire.
    return chance.random() * (20 * 3600 if story.stays else DAYS * 86_400) + 60


class _Copier:
    """Makes copies of templates, one after the other."""

    def __init__(self, templates: Sequence[Template], versions: Mapping[str, list[str]]) -> None:
        self._templates, self._versions = templates, versions
        self._now = datetime.now(UTC)
        # The first copy of a workflow has half of its executions, the last one hardly any.
        self._copies = list(accumulate(2.0**-n for n in range(CLONES + 1)))

    def copies(self, numbers: range, seed: int) -> Iterator[tuple[str, str]]:
        """Yield the rows of copies: table and line."""
        chance = random.Random(seed)
        weights = list(accumulate(template.story.share for template in self._templates))
        for number in numbers:
            [template] = chance.choices(self._templates, cum_weights=weights)
            values = self._values(template, number, chance)
            for table, text in template.formats:
                yield table, text % values

    def _values(self, template: Template, number: int, chance: random.Random) -> dict[str, str]:
        begun = self._now - timedelta(seconds=_age_seconds(template.story, chance))
        time = f"{int(begun.timestamp() * 1000):012x}"
        rest = f"{chance.getrandbits(60):015x}"
        groups = (f"7{rest[:3]}", f"a{rest[3:6]}", rest[6:])
        [copy] = chance.choices(range(CLONES + 1), cum_weights=self._copies)
        name = template.workflow
        slow = 10 ** (chance.random() * 3)
        times = {
            f"t{n}": (begun + timedelta(seconds=s * slow if abs(s) < 60 else s)).isoformat()
            for n, s in enumerate(template.offsets)
        }
        return {
            "dashed": f"{time[:8]}-{time[8:]}-{'-'.join(groups)}",
            "plain": time + "".join(groups),
            "name": f"k-{number}",
            "workflow": name if copy == 0 else f"{name}-{copy}",
            "version_id": self._versions[name][copy],
            **times,
        }


def _write(url: str, copier: _Copier, numbers: range, seed: int) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        # No triggers: what is copied is known to fit together.
        connection.execute("set session_replication_role = replica")
        connection.execute("set synchronous_commit = off")
        columns = {table: _columns(connection, table) for table in TABLES}
        for first in range(numbers.start, numbers.stop, CHUNK):
            chunk = range(first, min(first + CHUNK, numbers.stop))
            lines: dict[str, list[str]] = {table: [] for table in TABLES}
            for table, line in copier.copies(chunk, seed + first):
                lines[table].append(line)
            for table, rows in lines.items():
                target = f"copy {table} ({columns[table]}) from stdin"
                with connection.cursor().copy(target.encode()) as copy:
                    copy.write("\n".join(rows) + "\n" if rows else "")


async def _open_months(url: str) -> None:
    """Make the partitions of the months before this one, as they were made in their time."""
    connection: Connection
    async with await psycopg.AsyncConnection.connect(url, row_factory=dict_row) as connection:
        for month in range(1, DAYS // 28 + 2):
            await ensure_partitions(
                connection, datetime.now(UTC).replace(day=1) - timedelta(days=27 * month), ahead=0
            )


def seed(url: str, ids: Sequence[str], executions: int, waiting: int) -> None:
    """Multiply the executions of the stories to so many, so many of them open approvals."""
    with psycopg.connect(url, autocommit=True) as connection:
        templates = [read_template(connection, number, id) for number, id in enumerate(ids)]
        versions = clone_workflows(connection, sorted({found.workflow for found in templates}))
        connection.execute(LETTERS, (20_000,))
    asyncio.run(_open_months(url))
    parts = []
    for stays, first, number in ((True, 0, waiting), (False, waiting, executions - waiting)):
        chosen = [found for found in templates if found.story.stays is stays]
        copier, middle = _Copier(chosen, versions), first + number // 2
        parts += [(copier, range(first, middle)), (copier, range(middle, first + number))]
    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(_write, url, *part, n) for n, part in enumerate(parts)]:
            done.result()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("vacuum (analyze)")
