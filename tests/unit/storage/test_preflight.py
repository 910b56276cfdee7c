"""What a database server says of itself, judged."""

from datetime import timedelta

import pytest

from storage.preflight import Row, judge_clock, judge_server

SOUND = {
    "fsync": "on",
    "full_page_writes": "on",
    "server_encoding": "UTF8",
    "synchronous_commit": "on",
}


def server(
    name: str = "fsync", value: str = "on", source: str = "default", *, replica: bool = False
) -> list[Row]:
    """Return the rows of a sound server but for one setting."""
    return [
        {
            "name": setting,
            "setting": value_of,
            "source": source,
            "database": "shop",
            "role": "gate",
            "replica": replica,
        }
        for setting, value_of in {**SOUND, name: value}.items()
    ]


def bad(rows: list[Row]) -> list[tuple[str, str, bool]]:
    """Return name, remedy and whether it is fatal of what is bad."""
    return [(c.name, c.remedy, c.fatal) for c in judge_server(rows) if not c.good]


def test_a_server_with_its_defaults_is_sound() -> None:
    assert bad(server()) == []
    assert bad(server("synchronous_commit", "remote_apply")) == []


# F21
@pytest.mark.parametrize("name", ["fsync", "full_page_writes", "synchronous_commit"])
@pytest.mark.parametrize(
    ("source", "statement"),
    [
        ("configuration file", "alter system set {} = on"),
        ("database", "alter database shop reset {}"),
        ("user", "alter role gate reset {}"),
    ],
)
def test_a_server_that_may_forget_commits_is_fatal(name: str, source: str, statement: str) -> None:
    ((found, remedy, fatal),) = bad(server(name, "off", source))
    assert (found, fatal) == (name, True)
    assert remedy == (
        f'psql "$DATABASE_URL" -c "{statement.format(name)}" -c "select pg_reload_conf()"'
    )


# F21
def test_another_encoding_than_utf8_is_fatal() -> None:
    ((found, _, fatal),) = bad(server("server_encoding", "SQL_ASCII"))
    assert (found, fatal) == ("encoding", True)


# F21
def test_a_replica_is_fatal() -> None:
    assert bad(server(replica=True)) == [("server", "name the primary in DATABASE_URL", True)]


# F10
@pytest.mark.parametrize("seconds", [-5, 0, 5])
def test_clocks_may_differ_a_little(seconds: int) -> None:
    assert judge_clock(timedelta(seconds=seconds)).good


# F10
@pytest.mark.parametrize("seconds", [-5.1, 5.1, 7200])
def test_a_wrong_clock_is_told_and_not_refused(seconds: float) -> None:
    check = judge_clock(timedelta(seconds=seconds))
    assert (check.good, check.fatal) == (False, False)
    assert check.remedy == "timedatectl set-ntp true"
