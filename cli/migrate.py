"""`sluicegate migrate`: schema and topics."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from cli.errors import MIGRATION_NEEDED, OK
from cli.parts import open_store, settings_for_both, settings_for_database
from cli.printing import write_line
from config.settings import Settings

if TYPE_CHECKING:
    from streams.topics import TopicSpec


async def migrate_all(
    *, topics: bool, check: bool, partitions: int | None, replication: int | None
) -> int:
    """Apply what is missing, or only say so; returns the exit code."""
    settings = settings_for_both() if topics else settings_for_database()
    missing = await _migrate_schema(settings, check=check)
    if topics:
        missing += await _create_topics(settings, check, partitions, replication)
    if check and not missing:
        write_line("nothing is missing")
    return MIGRATION_NEEDED if check and missing else OK


async def _migrate_schema(settings: Settings, *, check: bool) -> int:
    from storage.migrate import judge_schema, migrate, migrations, read_schema
    from streams.failpoints import arm, reach

    arm(settings.failpoint)

    async with open_store(settings, check=False) as store:
        if check:
            applied = await read_schema(store)
            versions = {one.version for one in applied}
            missing = [m for m in migrations() if m.version not in versions]
            for migration in missing:
                write_line(f"missing: migration {migration.label}")
            if not missing:
                judge_schema(migrations(), applied)
            return len(missing)
        done = await migrate(store, lambda: reach("migrate.mid"))
    for name in done:
        write_line(f"applied {name}")
    if not done:
        write_line("the schema is up to date")
    return 0


async def _create_topics(
    settings: Settings, check: bool, partitions: int | None, replication: int | None
) -> int:
    from streams.admin import Admin
    from streams.topics import Topics, TopicSpec

    admin = Admin(settings.kafka, settings.kafka_security(), seconds=5)
    brokers = await admin.brokers()
    replicas = replication or min(3, brokers)
    specs = Topics(settings.topic_prefix).specs(partitions, replicas)
    plain = [name for name in settings.event_topics if not name.startswith("~")]
    specs += [TopicSpec(name, partitions or 12, replicas, {}) for name in plain]
    known = await admin.partitions()
    _tell_of_sizes(specs if partitions else (), known)
    if check:
        missing = [spec.name for spec in specs if spec.name not in known]
        for name in missing:
            write_line(f"missing: topic {name}")
        return len(missing)
    for name in await admin.create_topics(specs):
        write_line(f"created topic {name}")
    return 0


def _tell_of_sizes(wanted: "Sequence[TopicSpec]", known: Mapping[str, int]) -> None:
    """Say which topics stay as they are: partitions are added with Kafka's own tool."""
    for spec in wanted:
        found = known.get(spec.name, spec.partitions)
        if found != spec.partitions:
            more = f"kafka-topics.sh --alter --topic {spec.name} --partitions {spec.partitions}"
            remedy = f"; to add some: {more}" if found < spec.partitions else ""
            write_line(f"{spec.name} keeps its {found} partitions{remedy}")
