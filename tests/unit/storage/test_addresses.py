"""Where a connection URL leads, said without its password; what is no URL is refused."""

import psycopg
import pytest

from config.errors import ConfigError
from storage.errors import reason_of
from storage.store import address_of


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("postgresql://u:secret@db.example.com:5433/app", "db.example.com:5433/app"),
        ("postgresql://db.example.com/app", "db.example.com:5432/app"),
        ("postgresql://u:secret@a:1,b:2/app", "a:1,b:2/app"),
        ("postgresql://u:secret@a,b/app", "a:5432,b:5432/app"),
        ("host=db port=5433 dbname=app password=secret", "db:5433/app"),
        ("postgresql:///app", "local socket:5432/app"),
    ],
)
def test_an_address_names_hosts_ports_and_database_alone(url: str, address: str) -> None:
    assert address_of(url) == address


@pytest.mark.parametrize("url", ["nonsense", "postgresql://u:se@cret@db:port/app", "mysql://db/a"])
def test_what_cannot_be_read_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ConfigError, match="write postgresql://") as refused:
        address_of(url)
    assert "cret" not in str(refused.value)


def test_a_reason_is_one_line_without_the_advice() -> None:
    text = "connection failed: port 1 failed: Connection refused\n\tIs the server running?\n"
    assert reason_of(psycopg.OperationalError(text)) == "port 1 failed: Connection refused"
    assert reason_of(psycopg.OperationalError("")) == "OperationalError"
