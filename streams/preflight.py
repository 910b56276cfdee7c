"""What must hold of the topics, before workers start and every hour (reliability.md, F21)."""

import asyncio
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from config.checks import Check
from config.settings import Settings
from storage.errors import DatabaseUnreachable
from storage.preflight import database_checks
from storage.store import TRANSIENT, PostgresStore
from streams.access import judge_access, judge_group
from streams.admin import Admin, BrokerUnreachable
from streams.remedies import Commands
from streams.topics import DAY_MS, Topics, TopicSpec

LEAST_RETENTION_MS = 7 * DAY_MS
"""What we read must outlive a week of standstill."""
UNLIMITED = -1
RECHECK_SECONDS = 3600.0
log = logging.getLogger("sluicegate.preflight")


@dataclass(frozen=True, slots=True)
class TopicState:
    """A topic as the broker describes it; settings that it does not tell are not judged."""

    partitions: int
    replicas: int
    config: Mapping[str, str] | None
    """None where we may not be told."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A setting of a topic: whether a value will do, and the one that certainly does."""

    key: str
    good: str
    least: int | None = None
    """For numbers: the smallest that will do."""
    fatal: bool = True

    def holds(self, found: str) -> bool:
        """Tell whether a value will do."""
        if self.least is None:
            return set(found.replace(" ", "").split(",")) == set(self.good.split(","))
        number = int(found)
        return number == UNLIMITED or (self.least != UNLIMITED and number >= self.least)


def rules_of_own(spec: TopicSpec, replicas: int, *, is_read: bool) -> Iterator[Rule]:
    """Yield the rules of one of our topics; what workers read must never vanish unread."""
    retention = int(spec.config["retention.ms"])
    least = LEAST_RETENTION_MS if is_read else retention
    yield Rule("cleanup.policy", spec.config["cleanup.policy"])
    if "message.timestamp.type" in spec.config:
        yield Rule("message.timestamp.type", spec.config["message.timestamp.type"])
    yield Rule("retention.ms", str(retention), least, fatal=is_read)
    yield Rule("retention.bytes", str(UNLIMITED), UNLIMITED, fatal=is_read)
    size = spec.config["max.message.bytes"]
    yield Rule("max.message.bytes", size, int(size))
    if "min.compaction.lag.ms" in spec.config:
        lag = spec.config["min.compaction.lag.ms"]
        yield Rule("min.compaction.lag.ms", lag, int(lag), fatal=False)
    if replicas >= 3:
        yield Rule("min.insync.replicas", "2", 2)
    if replicas > 1:
        yield Rule("unclean.leader.election.enable", "false")


def rules_of_events() -> Iterator[Rule]:
    """Yield the rules of domain topics: theirs, therefore told and not refused."""
    yield Rule("cleanup.policy", "delete", fatal=False)
    yield Rule("retention.ms", str(LEAST_RETENTION_MS), LEAST_RETENTION_MS, fatal=False)
    yield Rule("retention.bytes", str(UNLIMITED), UNLIMITED, fatal=False)


def judge_topic(
    name: str,
    state: TopicState | None,
    rules: Iterable[Rule],
    commands: Commands,
    *,
    is_ours: bool = True,
) -> Iterator[Check]:
    """Yield whether a topic exists, and each rule that it breaks."""
    if state is None:
        yield Check(f"topic {name}", False, "does not exist", "sluicegate migrate --topics")
        return
    yield Check(f"topic {name}", True, f"{state.partitions} partitions")
    if state.config is None:
        answer = "the broker does not let us see them"
        yield Check(f"settings of {name}", False, answer, commands.let_describe(name), fatal=False)
        return
    for rule in rules:
        found = state.config.get(rule.key)
        if found is not None and not rule.holds(found):
            answer = f"{found}, should be {rule.good}"
            remedy = commands.configure(name, rule.key, rule.good)
            yield Check(f"{rule.key} of {name}", False, answer, remedy, rule.fatal)
    in_sync = int(state.config.get("min.insync.replicas", "1"))
    if in_sync > state.replicas:
        answer = f"{in_sync} of {state.replicas} replicas: nothing can be written"
        remedy = commands.configure(name, "min.insync.replicas", str(max(1, state.replicas - 1)))
        yield Check(f"min.insync.replicas of {name}", False, answer, remedy, is_ours)


def judge_partitions(
    names: Sequence[str], states: Mapping[str, TopicState], commands: Commands
) -> Iterator[Check]:
    """Yield the topics of workers that have fewer partitions than the other."""
    found = {name: states[name].partitions for name in names if name in states}
    most = max(found.values(), default=0)
    for name, number in found.items():
        if number < most:
            answer = f"{number}, should be {most}: some workers would get none"
            remedy = commands.grow(name, most)
            yield Check(f"partitions of {name}", False, answer, remedy, fatal=False)


def judge_event_topics(event_topics: Sequence[str], topics: Topics) -> Iterator[Check]:
    """Yield the event topics that are ours: reading our own words as events is a circle."""
    own = {spec.name for spec in topics.specs()}
    for name in event_topics:
        if name in own:
            left = ",".join(topic for topic in event_topics if topic not in own) or "events"
            remedy = f"export SLUICEGATE_EVENT_TOPICS='{left}'"
            yield Check(f"event topic {name}", False, "is one of our own topics", remedy)


def judge_topics(
    settings: Settings, event_topics: Sequence[str], states: Mapping[str, TopicState]
) -> list[Check]:
    """Return what is to be said of all topics."""
    topics, commands = Topics(settings.topic_prefix), Commands(settings)
    read = (topics.commands, topics.decisions)
    checks = list(judge_event_topics(event_topics, topics))
    for name in event_topics:
        state = states.get(name)
        checks += judge_topic(name, state, rules_of_events(), commands, is_ours=False)
    for spec in topics.specs():
        state = states.get(spec.name)
        rules = rules_of_own(spec, state.replicas if state else 1, is_read=spec.name in read)
        checks += judge_topic(spec.name, state, rules, commands)
    return [*checks, *judge_partitions(read, states, commands)]


async def topic_checks(
    settings: Settings, admin: Admin, event_topics: Sequence[str]
) -> list[Check]:
    """Ask the broker, and return what is to be said of all topics."""
    names = {*event_topics, *(spec.name for spec in Topics(settings.topic_prefix).specs())}
    sizes = await admin.sizes(names)
    access = await admin.access(sorted(names))
    configs = await admin.configs(sorted(sizes)) if sizes else {}
    states = {
        name: TopicState(partitions, replicas, configs.get(name))
        for name, (partitions, replicas) in sizes.items()
    }
    # What we may not see looks as if it did not exist.
    hidden = {f"topic {name}" for name, operations in access.items() if not operations}
    checks = judge_topics(settings, event_topics, states)
    return [
        *(check for check in checks if check.name not in hidden),
        *judge_access(settings, list(event_topics), access),
        *judge_group(settings, await admin.group_access(settings.group_id)),
    ]


async def preflight(
    settings: Settings, store: PostgresStore, admin: Admin, event_topics: Sequence[str]
) -> list[Check]:
    """Return everything that is checked before a worker starts."""
    return [*await database_checks(store), *await topic_checks(settings, admin, event_topics)]


async def watch(
    settings: Settings, store: PostgresStore, admin: Admin, event_topics: Sequence[str]
) -> None:
    """Check again every hour and log what has become bad since, with its remedy."""
    while True:
        await asyncio.sleep(RECHECK_SECONDS)
        try:
            tell(await preflight(settings, store, admin, event_topics))
        except (*TRANSIENT, DatabaseUnreachable, BrokerUnreachable) as problem:
            log.warning("the hourly check could not be made: %s", problem)


def tell(checks: Iterable[Check]) -> None:
    """Log the bad ones, each with its remedy."""
    for check in checks:
        if not check.good:
            level = logging.ERROR if check.fatal else logging.WARNING
            log.log(level, "%s: %s; %s", check.name, check.answer, check.remedy)
