"""Our topics, from `streams.topics`."""

from config.settings import Settings
from docs.generate.markdown import table
from streams.topics import MOST_PARTITIONS, OWN, Topic

INTRO = """# Topics

`sluicegate migrate --topics` creates them, and those of `SLUICEGATE_EVENT_TOPICS` that are named
and missing, as wide and as replicated as ours and otherwise with the broker's defaults; create
yours beforehand to have them otherwise. `--check` only says which are missing. In production
nothing else creates topics. Domain topics are yours: once they are there, they are only read. The
prefix is `SLUICEGATE_TOPIC_PREFIX`.

"""
OUTRO = f"""
With three brokers or more: replication factor 3, `min.insync.replicas=2`; the producer is
idempotent with `acks=all`. {MOST_PARTITIONS} partitions are the most workers that help;
`--partitions` changes that, and caps the smaller numbers. A compacted topic keeps the newest
record of each key: `waiting` is the live inbox.
"""


def _kept(topic: Topic) -> str:
    settings = topic.config()
    told = {name: value for name, value in settings.items() if name != "retention.ms"}
    days = f"{topic.retention_days} days"
    return ", ".join((days, *(f"`{name}={value}`" for name, value in told.items())))


def page() -> str:
    """Return the page."""
    prefix = Settings.model_fields["topic_prefix"].default
    rows = (
        (f"`{prefix}{topic.name}`", topic.key, str(topic.partitions), _kept(topic), topic.purpose)
        for topic in OWN
    )
    return INTRO + table(("topic", "key", "partitions", "kept", "content"), rows) + OUTRO
