"""What the broker's ACLs let workers do with topics and their group, as far as it says."""

from collections.abc import Iterator, Mapping

from config.checks import Check
from config.settings import Settings
from streams.remedies import Commands
from streams.topics import Topics

Access = Mapping[str, frozenset[str]]
"""Operations by topic; a topic of which the broker says nothing is not in it."""


def needed(topics: Topics) -> dict[str, str]:
    """Return the operation that workers need on each of our topics."""
    read = dict.fromkeys((topics.commands, topics.decisions), "Read")
    written = (topics.waiting, topics.receipts, topics.executions, topics.dead_letters)
    return read | dict.fromkeys(written, "Write")


def judge_access(settings: Settings, event_topics: list[str], access: Access) -> Iterator[Check]:
    """Yield what workers may not do, with the command that lets them."""
    commands = Commands(settings)
    wanted = [*dict.fromkeys(event_topics, "Read").items()]
    wanted += needed(Topics(settings.topic_prefix)).items()
    for topic, operation in wanted:
        if topic in access and operation.upper() not in access[topic]:
            remedy = commands.allow(operation, topic)
            yield Check(f"access to {topic}", False, f"no right to {operation.upper()}", remedy)
    first = event_topics[0] if event_topics else ""
    if "WRITE" not in access.get(first, {"WRITE"}):
        answer = "no right to WRITE: workflows that emit events need it"
        remedy = commands.allow("Write", first)
        yield Check(f"access to {first}", False, answer, remedy, fatal=False)


def judge_group(settings: Settings, operations: frozenset[str] | None) -> Iterator[Check]:
    """Yield whether workers may be members of their group."""
    if operations is not None and "READ" not in operations:
        remedy = Commands(settings).join(settings.group_id)
        yield Check(f"access to group {settings.group_id}", False, "no right to READ", remedy)
