"""The promises of the engine, and the failures that may break them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Promise:
    """What a user may rely on, and while what holds."""

    name: str
    sentence: str
    holds: str


@dataclass(frozen=True, slots=True)
class Failure:
    """A situation that happens, the promises it threatens, and what upholds them."""

    name: str
    situation: str
    threatens: tuple[str, ...]
    mechanism: str


PROMISES = (
    Promise(
        "G1",
        "Every event that Kafka retains is processed; none is skipped silently.",
        "replication factor 3, `min.insync.replicas=2`; retention longer than any downtime",
    ),
    Promise(
        "G2",
        "One event starts one execution per matching workflow, however often it is delivered.",
        "its event id stays the same",
    ),
    Promise("G3", "A pause is ended at most once; the first valid decision wins.", "always"),
    Promise(
        "G4",
        "A decision appended before the deadline beats the expiry, whatever our downtime.",
        "the decisions topic has `LogAppendTime`; the grace of 15 minutes is not exceeded",
    ),
    Promise(
        "G5",
        "State, position, timers and outgoing messages commit together or not at all.",
        "always",
    ),
    Promise(
        "G6",
        "Outgoing messages and calls: at least once, in order per execution, the same key on "
        "every repeat.",
        "the receiver drops repeats by their key",
    ),
    Promise("G7", "`create_record` and `update_record`: exactly once.", "always"),
    Promise(
        "G8",
        "A crash at any instruction loses no committed work and needs no repair by hand.",
        "one primary PostgreSQL with a durable log",
    ),
    Promise("G9", "An execution finishes on the version that it started with.", "always"),
    Promise("G10", "A bad record delays only itself.", "always"),
    Promise("G11", "The loss of Redis slows; it never fails or changes anything.", "always"),
)

FAILURES = (
    Failure(
        "F1",
        "A worker dies anywhere.",
        ("G1", "G3", "G5", "G7", "G8"),
        "The position moves in the transaction that it stands for.",
    ),
    Failure(
        "F2",
        "A handler raises what nobody foresaw.",
        ("G1",),
        "The process ends; the next one reads the position from PostgreSQL.",
    ),
    Failure(
        "F3",
        "A decision comes before its pause is committed.",
        ("G3",),
        "It is held in its row; the pause and a sweep look for held ones.",
    ),
    Failure(
        "F4",
        "The same decision comes twice.",
        ("G3",),
        "Unique decision ids, and a wait that closes only while it is open.",
    ),
    Failure(
        "F5",
        "Decisions contradict each other.",
        ("G3",),
        "The first one read wins; the others are kept and answered `already_decided`.",
    ),
    Failure(
        "F6",
        "A decision is about what is unknown, finished, cancelled or expired.",
        ("G3",),
        "It changes nothing and is answered by a receipt with its code.",
    ),
    Failure(
        "F7",
        "A decision races the expiry of its request.",
        ("G3", "G4"),
        "An expiry waits until the decisions topic has been read past its deadline.",
    ),
    Failure(
        "F8",
        "Two workers own one partition.",
        ("G5", "G7"),
        "The position moves by compare-and-set: one commits, the other is fenced.",
    ),
    Failure(
        "F9",
        "Events come in another order than they happened.",
        ("G1",),
        "Events are kept by their correlation and met by what waits for them later.",
    ),
    Failure(
        "F10",
        "The clocks of workers are wrong or jump.",
        ("G4",),
        "Deadlines are the database's clock, decisions the broker's append time.",
    ),
    Failure(
        "F11",
        "PostgreSQL restarts in mid-batch; the answer to a COMMIT is lost.",
        ("G5", "G7", "G8"),
        "The position is read again: it tells whether the batch was committed.",
    ),
    Failure(
        "F12",
        "PostgreSQL comes back without its last commits (fail-over, restored backup).",
        ("G1", "G2"),
        "Positions are in PostgreSQL and go back with it; ids are derived from events.",
    ),
    Failure(
        "F13",
        "The broker restarts or is unreachable.",
        ("G1", "G6"),
        "Messages stay in the outbox until the broker has acknowledged them.",
    ),
    Failure(
        "F14",
        "Redis is down, hangs, is emptied or holds nonsense.",
        ("G11",),
        "A miss with a short timeout and a breaker; the source is asked instead.",
    ),
    Failure(
        "F15",
        "The disk of PostgreSQL is full.",
        ("G5", "G8"),
        "The batch is tried again until there is room; nothing is skipped.",
    ),
    Failure(
        "F16",
        "PostgreSQL is slow, the backlog is huge.",
        ("G1",),
        "Bounded batches; heart-beats do not depend on the work.",
    ),
    Failure(
        "F17",
        "A payload is huge.",
        ("G10",),
        "Sizes are checked before anything is parsed.",
    ),
    Failure(
        "F18",
        "A record cannot be processed.",
        ("G10",),
        "The batch is bisected; the culprit becomes a dead letter, the rest commits.",
    ),
    Failure(
        "F19",
        "The schema changes while executions are under way.",
        ("G8",),
        "Migrations only add; a worker refuses a schema that is older than itself.",
    ),
    Failure(
        "F20",
        "The relay dies between publishing and deleting.",
        ("G6",),
        "Rows are deleted after the acknowledgement, in order per execution, with stable ids.",
    ),
    Failure(
        "F21",
        "Topics or the database are configured so that work would be lost.",
        ("G1", "G4", "G8"),
        "Workers refuse to start and name the command that mends it.",
    ),
    Failure(
        "F22",
        "A great many timers are due at once.",
        ("G4",),
        "Timers are claimed in bounded batches beside the decisions.",
    ),
    Failure(
        "F23",
        "New versions of a workflow are deployed under load.",
        ("G9",),
        "Versions are immutable rows; an execution names the one it started with.",
    ),
    Failure(
        "F24",
        "Retention deleted records that nobody had read.",
        ("G1",),
        "Positions are compared with where the log begins; the loss halts the worker.",
    ),
    Failure(
        "F25",
        "Transactions deadlock or the pool is exhausted.",
        ("G1", "G5"),
        "Executions are locked in the order of their ids; what fails is tried again.",
    ),
    Failure(
        "F26",
        "A workflow emits what triggers it.",
        ("G10",),
        "Events count their hops; the 16th is a dead letter.",
    ),
    Failure(
        "F27",
        "Branches fail, end and pause at the same time.",
        ("G3",),
        "A join is decided under the lock of its execution.",
    ),
    Failure(
        "F28",
        "A cancel races a decision or a call.",
        ("G3",),
        "Both are inputs of one locked execution; a late result is recorded, not used.",
    ),
    Failure(
        "F29",
        "The pages lag behind a decision.",
        ("G3",),
        "A decision is followed by its id, in the database that it was written to.",
    ),
)

NOT_PRODUCED: dict[str, str] = {}
"""Failures that no test produces, with the reason."""
