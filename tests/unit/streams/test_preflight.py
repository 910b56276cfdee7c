"""What a broker says of topics, judged; each bad answer with the command that mends it."""

import shlex
from collections.abc import Mapping

import pytest

from config.checks import Check, Unsound, require_sound
from config.settings import Settings, load_settings
from streams.preflight import TopicState, judge_topics
from streams.topics import DAY_MS, Topics

KAFKA_DEFAULTS = {
    "cleanup.policy": "delete",
    "message.timestamp.type": "CreateTime",
    "retention.ms": str(7 * DAY_MS),
    "retention.bytes": "-1",
    "max.message.bytes": "1048588",
    "min.compaction.lag.ms": "0",
    "min.insync.replicas": "1",
    "unclean.leader.election.enable": "false",
}
SETTINGS = load_settings(kafka_bootstrap_servers="k1:9092", event_topics=("orders",))


def sound(replicas: int = 3, partitions: int = 12) -> dict[str, TopicState]:
    """Return all topics as `migrate --topics` creates them."""
    specs = Topics("sluicegate.").specs(partitions, replicas)
    states = {
        spec.name: TopicState(spec.partitions, replicas, {**KAFKA_DEFAULTS, **spec.config})
        for spec in specs
    }
    return {**states, "orders": TopicState(6, replicas, KAFKA_DEFAULTS)}


def bad(
    states: Mapping[str, TopicState], settings: Settings = SETTINGS, topic: str = "orders"
) -> list[Check]:
    """Return the bad checks."""
    return [check for check in judge_topics(settings, [topic], states) if not check.good]


def changed(topic: str, key: str, value: str, replicas: int = 3) -> dict[str, TopicState]:
    """Return sound topics but for one setting of one."""
    states = sound(replicas)
    state = states[topic]
    states[topic] = TopicState(state.partitions, replicas, {**(state.config or {}), key: value})
    return states


@pytest.mark.parametrize("replicas", [1, 3])
def test_topics_as_we_create_them_are_sound(replicas: int) -> None:
    assert bad(sound(replicas)) == []


def test_settings_that_the_broker_does_not_tell_are_not_judged() -> None:
    assert bad({name: TopicState(4, 1, {}) for name in sound()}) == []


def test_settings_that_we_may_not_see_are_told_and_not_refused() -> None:
    settings = load_settings(
        kafka_bootstrap_servers="k1:9092",
        kafka_security_protocol="SSL",
        kafka_sasl_username="gate",
    )
    states = {**sound(), "sluicegate.decisions": TopicState(12, 3, None)}
    (check,) = bad(states, settings)
    assert (check.name, check.fatal) == ("settings of sluicegate.decisions", False)
    assert check.remedy == (
        "kafka-acls.sh --bootstrap-server k1:9092 --add --allow-principal 'User:gate' "
        "--operation DescribeConfigs --topic sluicegate.decisions "
        "--command-config client.properties"
    )


WRONG = [
    ("decisions", "message.timestamp.type", "CreateTime", "LogAppendTime", True),
    ("decisions", "cleanup.policy", "compact", "delete", True),
    ("commands", "cleanup.policy", "compact,delete", "delete", True),
    ("waiting", "cleanup.policy", "delete", "[compact,delete]", True),
    ("waiting", "cleanup.policy", "compact", "[compact,delete]", True),
    ("waiting", "min.compaction.lag.ms", "0", "3600000", False),
    ("decisions", "retention.ms", str(7 * DAY_MS - 1), str(30 * DAY_MS), True),
    ("commands", "retention.ms", str(7 * DAY_MS - 1), str(7 * DAY_MS), True),
    ("dead-letters", "retention.ms", str(90 * DAY_MS - 1), str(90 * DAY_MS), False),
    ("decisions", "retention.bytes", "1000000000", "-1", True),
    ("receipts", "retention.bytes", "1000000000", "-1", False),
    ("executions", "max.message.bytes", "1048575", "1048576", True),
    ("decisions", "min.insync.replicas", "1", "2", True),
    ("decisions", "unclean.leader.election.enable", "true", "false", True),
]


# F21
@pytest.mark.parametrize(("topic", "key", "found", "good", "fatal"), WRONG)
def test_a_wrong_setting_of_our_topics_is_found_with_its_command(
    topic: str, key: str, found: str, good: str, fatal: bool
) -> None:
    (check,) = bad(changed(f"sluicegate.{topic}", key, found))
    assert (check.name, check.fatal) == (f"{key} of sluicegate.{topic}", fatal)
    assert check.answer.startswith(f"{found}, should be ")
    assert shlex.split(check.remedy) == [
        "kafka-configs.sh",
        *("--bootstrap-server", "k1:9092", "--alter"),
        *("--entity-type", "topics", "--entity-name", f"sluicegate.{topic}"),
        *("--add-config", f"{key}={good}"),
    ]


@pytest.mark.parametrize(
    ("topic", "key", "found"),
    [
        ("sluicegate.decisions", "retention.ms", "-1"),
        ("sluicegate.decisions", "retention.ms", str(7 * DAY_MS)),
        ("sluicegate.waiting", "cleanup.policy", "delete, compact"),
        ("sluicegate.executions", "max.message.bytes", "1048576"),
        ("orders", "retention.ms", "-1"),
        ("orders", "message.timestamp.type", "CreateTime"),
    ],
)
def test_a_setting_at_its_limit_or_better_is_sound(topic: str, key: str, found: str) -> None:
    assert bad(changed(topic, key, found)) == []


# F21
@pytest.mark.parametrize("topic", ["orders", "sluicegate.decisions"])
def test_a_missing_topic_is_fatal(topic: str) -> None:
    states = sound()
    del states[topic]
    (check,) = bad(states)
    assert (check.name, check.answer, check.fatal) == (f"topic {topic}", "does not exist", True)
    assert check.remedy == "sluicegate migrate --topics"


# F21
@pytest.mark.parametrize(
    ("key", "found"),
    [
        ("cleanup.policy", "compact"),
        ("retention.ms", str(7 * DAY_MS - 1)),
        ("retention.bytes", "1000000000"),
    ],
)
def test_event_topics_are_warned_of_and_not_refused(key: str, found: str) -> None:
    (check,) = bad(changed("orders", key, found))
    assert (check.name, check.fatal) == (f"{key} of orders", False)
    assert require_sound([check]) == [check]


# F21
def test_more_replicas_in_sync_than_there_are_is_fatal() -> None:
    (check,) = bad(changed("sluicegate.receipts", "min.insync.replicas", "2", replicas=1))
    assert check.answer == "2 of 1 replicas: nothing can be written"
    assert shlex.split(check.remedy)[-1] == "min.insync.replicas=1"
    assert check.fatal


# F21
def test_fewer_partitions_of_one_of_the_workers_topics_are_told() -> None:
    states = sound()
    states["sluicegate.decisions"] = TopicState(4, 3, states["sluicegate.decisions"].config)
    (check,) = bad(states)
    assert check.name == "partitions of sluicegate.decisions"
    assert check.remedy == (
        "kafka-topics.sh --bootstrap-server k1:9092 --alter --topic sluicegate.decisions "
        "--partitions 12"
    )


# F21 F26
def test_one_of_our_own_topics_as_an_event_topic_is_fatal() -> None:
    found = bad(sound(), topic="sluicegate.executions")
    assert ("event topic sluicegate.executions", True) in [(c.name, c.fatal) for c in found]


def test_commands_for_a_secured_broker_name_a_file_of_its_client() -> None:
    settings = load_settings(
        kafka_bootstrap_servers="k1:9092",
        kafka_security_protocol="SSL",
        event_topics=("orders",),
    )
    (check,) = bad(changed("sluicegate.commands", "cleanup.policy", "compact"), settings)
    assert check.remedy.endswith(" --command-config client.properties")


# F21
def test_a_worker_is_told_of_all_that_is_fatal_at_once() -> None:
    states = {
        **changed("sluicegate.decisions", "message.timestamp.type", "CreateTime"),
        "sluicegate.commands": changed("sluicegate.commands", "cleanup.policy", "compact")[
            "sluicegate.commands"
        ],
        "orders": changed("orders", "cleanup.policy", "compact")["orders"],
    }
    with pytest.raises(Unsound) as refused:
        require_sound(bad(states))
    text = str(refused.value)
    assert len(refused.value.checks) == 2
    assert "CreateTime, should be LogAppendTime; kafka-configs.sh" in text
    assert "compact, should be delete; kafka-configs.sh" in text
