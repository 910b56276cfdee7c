"""`sluicegate doctor`: what this deployment needs, checked, with the command that mends it."""

import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from cli.errors import FAILED, OK, UNREACHABLE
from cli.show import print_json
from config.settings import Settings, load_settings, masked


@dataclass(frozen=True, slots=True)
class Check:
    """One question, its answer, and what to do about a bad one."""

    name: str
    good: bool
    answer: str
    remedy: str = ""


async def examine(as_json: bool) -> int:
    """Print every check; returns the exit code."""
    settings = load_settings()
    checks = [check async for check in _checks(settings)]
    if as_json:
        print_json(
            [{"name": c.name, "ok": c.good, "answer": c.answer, "remedy": c.remedy} for c in checks]
        )
    for check in () if as_json else checks:
        sys.stdout.write(f"{'ok  ' if check.good else 'BAD '} {check.name}: {check.answer}\n")
        if check.remedy and not check.good:
            sys.stdout.write(f"       {check.remedy}\n")
    if any(not c.good and c.name in ("database", "broker") for c in checks):
        return UNREACHABLE
    return OK if all(check.good for check in checks) else FAILED


async def _checks(settings: Settings) -> AsyncIterator[Check]:
    for name, value in (
        ("KAFKA_BOOTSTRAP_SERVERS", settings.kafka_bootstrap_servers),
        ("DATABASE_URL", settings.database and masked(settings.database)),
        ("SLUICEGATE_AUTH", settings.auth),
        ("SLUICEGATE_DECISION_AUTH", settings.decision_auth),
    ):
        remedy = f"set {name}; `sluicegate dev` needs none of it"
        yield Check(name, bool(value), value or "not set", remedy)
    if settings.database_url is not None:
        async for check in _database_checks(settings):
            yield check
    if settings.kafka_bootstrap_servers:
        async for check in _broker_checks(settings):
            yield check
    if settings.redis is not None:
        yield await _redis_check(settings.redis)


async def _database_checks(settings: Settings) -> AsyncIterator[Check]:
    from cli.parts import open_store
    from storage.errors import DatabaseUnreachable
    from storage.migrate import migrations, schema_version

    try:
        async with open_store(settings, check=False) as store:
            yield Check("database", True, store.address)
            wanted, current = max(m.version for m in migrations()), await schema_version(store)
            yield Check(
                "schema", current >= wanted, f"version {current} of {wanted}", "sluicegate migrate"
            )
            for name in ("fsync", "synchronous_commit"):
                async with store.connection() as connection:
                    cursor = await connection.execute(
                        "select current_setting(%s) as value", (name,)
                    )
                    row: Any = await cursor.fetchone()
                good = row["value"] not in ("off",)
                yield Check(name, good, row["value"], f"alter system set {name} = 'on'")
    except DatabaseUnreachable as problem:
        yield Check("database", False, str(problem), "start PostgreSQL, or correct DATABASE_URL")


async def _broker_checks(settings: Settings) -> AsyncIterator[Check]:
    from streams.admin import Admin, BrokerUnreachable
    from streams.topics import Topics

    admin = Admin(settings.kafka, settings.kafka_security(), seconds=5)
    specs = Topics(settings.topic_prefix).specs()
    try:
        await admin.ping()
        yield Check("broker", True, settings.kafka)
        known = await admin.partitions()
        configs = await admin.configs([spec.name for spec in specs if spec.name in known])
    except BrokerUnreachable as problem:
        remedy = "start Kafka, or correct KAFKA_BOOTSTRAP_SERVERS"
        yield Check("broker", False, str(problem), remedy)
        return
    plain = [name for name in settings.event_topics if not name.startswith("~")]
    for name in (*plain, *(spec.name for spec in specs)):
        there = name in known
        answer = f"{known[name]} partitions" if there else "does not exist"
        yield Check(f"topic {name}", there, answer, "sluicegate migrate --topics")
    for spec in specs:
        for key in ("cleanup.policy", "message.timestamp.type"):
            wanted, found = spec.config.get(key), configs.get(spec.name, {}).get(key)
            if wanted is not None and found is not None and _differs(wanted, found):
                remedy = (
                    f"kafka-configs.sh --bootstrap-server {settings.kafka} --alter "
                    f"--entity-type topics --entity-name {spec.name} --add-config {key}=[{wanted}]"
                )
                answer = f"{found}, should be {wanted}"
                yield Check(f"{key} of {spec.name}", False, answer, remedy)


def _differs(wanted: str, found: str) -> bool:
    return set(wanted.split(",")) != set(found.replace(" ", "").split(","))


async def _redis_check(url: str) -> Check:
    from datetime import timedelta

    from storage.cache import CacheKey, ContextCache

    cache = ContextCache(url)
    try:
        await cache.put(CacheKey("sluicegate.doctor", "ping"), 1, timedelta(seconds=1))
        good = cache.stats.failures == 0
    finally:
        await cache.close()
    answer = "answers" if good else "does not answer: executions go on without the cache"
    return Check("redis", good, answer, "start Redis, or unset REDIS_URL")
