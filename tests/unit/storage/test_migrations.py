"""Migrations that may run while workers of the version before are at work (docs/adr/0023)."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import LiteralString

import pytest

from storage.errors import MigrationNeeded, SchemaTooNew
from storage.migrate import Applied, Migration, judge_schema, migrations, statements_of

FOLDER = Path(__file__).parents[3] / "storage" / "migrations"
RULED = [migration for migration in migrations() if migration.version >= 8]
"""The earlier ones were written before the rule was."""
# The runner sets both timeouts, and repeats what an online migration left half done.
OURS = "require-lock-timeout,require-statement-timeout,prefer-robust-stmts,prefer-bigint-over-int"
KNOWN = (Migration(1, "one", "-- expand: a"), Migration(2, "two", "-- contract: b"))


def applied(*versions: int, compatible: bool = False) -> Sequence[Applied]:
    return [Applied(version, "x", "", compatible) for version in versions]


@pytest.mark.parametrize("migration", RULED, ids=lambda migration: migration.label)
def test_a_migration_says_whether_older_programs_go_on_and_locks_nothing_for_long(
    migration: Migration,
) -> None:
    assert migration.text.startswith(("-- expand:", "-- expand, online:", "-- contract:"))
    argv = [str(Path(sys.executable).parent / "squawk"), "--reporter=json", f"--exclude={OURS}"]
    if not migration.online:
        argv.append("--assume-in-transaction")
    done = subprocess.run(
        [*argv, str(FOLDER / f"{migration.label}.sql")], capture_output=True, text=True, check=False
    )
    assert [(found["rule_name"], found["line"]) for found in json.loads(done.stdout)] == []


@pytest.mark.parametrize(
    ("text", "compatible", "online"),
    [
        ("-- expand: a column", True, False),
        ("-- expand, online: an index", True, True),
        ("-- contract: a column goes", False, False),
        ("-- contract, online: an index goes", False, True),
        ("-- whatever\n-- expand: not on the first line", False, False),
    ],
)
def test_the_first_line_of_a_migration_says_what_it_is(
    text: LiteralString, compatible: bool, online: bool
) -> None:
    migration = Migration(9, "x", text)
    assert (migration.compatible, migration.online) == (compatible, online)


def test_a_text_is_cut_into_its_statements() -> None:
    text: LiteralString = "-- expand: x\ncreate a (\n    b ';',\n    c\n);\n\n-- why; so\ndrop d;\n"
    assert [part.strip().splitlines()[-1] for part in statements_of(text)] == [")", "drop d"]


# F19
def test_a_schema_without_one_of_our_migrations_needs_migrating() -> None:
    with pytest.raises(MigrationNeeded, match="run `sluicegate migrate`"):
        judge_schema(KNOWN, applied(1))
    # A branch of development was merged late: the number says nothing, the missing one does.
    with pytest.raises(MigrationNeeded):
        judge_schema(KNOWN, applied(2, 3, compatible=True))


# F19
def test_a_newer_schema_is_lived_with_only_if_it_says_so() -> None:
    assert judge_schema(KNOWN, applied(1, 2)) == []
    newer = judge_schema(KNOWN, [*applied(1, 2), *applied(3, compatible=True)])
    assert [one.version for one in newer] == [3]
    with pytest.raises(SchemaTooNew, match="at version 4, this program knows 2 at most"):
        judge_schema(KNOWN, [*applied(1, 2), *applied(3, compatible=True), *applied(4)])
