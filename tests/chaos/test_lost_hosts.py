"""A host that is lost without a word: both ends of each connection ask whether the other lives."""

from pathlib import Path

import pytest

from devstack.stack import EmbeddedStack
from tests.world import PATIENCE_SECONDS, World, a_world

TABLE = Path("/proc/net/tcp")
KEEPALIVE = "02"
"""The timer of a connection on which nothing is under way."""
TICKS_PER_SECOND = 100
FIRST_PROBE_SECONDS = 10
SESSIONS = """
select application_name as name, host(client_addr) as client, client_port as port
from pg_stat_activity
where datname = current_database() and client_port > 0 and pid <> pg_backend_pid()
    and starts_with(application_name, 'sluicegate')
"""


def seconds_until_probes(port: int) -> list[float]:
    """Return when both ends of a connection from a port of loopback ask for the other one."""
    place = f"0100007F:{port:04X}"
    found = []
    for line in TABLE.read_text().splitlines()[1:]:
        cells = line.split()
        timer, _, ticks = cells[5].partition(":")
        if place in cells[1:3] and timer == KEEPALIVE:
            found.append(int(ticks, 16) / TICKS_PER_SECOND)
    return found


def probes_seen(world: World) -> dict[str, float]:
    """Return the latest probe by session, once both ends of all are seen with nothing under way."""
    latest: dict[str, float] = {}
    for _ in range(round(PATIENCE_SECONDS / 0.05)):
        sessions = world.query(SESSIONS)
        for session in sessions:
            both = seconds_until_probes(session["port"])
            if len(both) == 2:
                latest[f"{session['name']} {session['port']}"] = max(both)
        if "sluicegate relay" in {name.rpartition(" ")[0] for name in latest}:
            return latest
        world.closing.wait(0.05)
    raise AssertionError(f"{latest} of {sessions}")


# F20
@pytest.mark.skipif(not TABLE.exists(), reason="the kernel shows no table of connections")
def test_both_ends_of_every_connection_to_the_database_notice_a_lost_host(
    stack: EmbeddedStack, tmp_path: Path
) -> None:
    with a_world(stack, tmp_path, {}) as world:
        world.start_worker()
        world.until(SESSIONS + "and application_name = 'sluicegate relay'")
        for name, seconds in probes_seen(world).items():
            assert seconds <= FIRST_PROBE_SECONDS, name
