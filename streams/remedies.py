"""The commands of Kafka's own tools that mend a deployment."""

from config.settings import Settings


class Commands:
    """The commands of Kafka's own tools that mend a topic."""

    def __init__(self, settings: Settings) -> None:
        secured = bool(settings.kafka_security())
        self._user = settings.kafka_sasl_username or "<the worker's principal>"
        self._where = f"--bootstrap-server {settings.kafka}"
        self._more = " --command-config client.properties" if secured else ""

    def configure(self, topic: str, key: str, value: str) -> str:
        """Return the command that sets one setting."""
        value = f"[{value}]" if "," in value else value
        return (
            f"kafka-configs.sh {self._where} --alter --entity-type topics --entity-name {topic} "
            f"--add-config '{key}={value}'{self._more}"
        )

    def let_describe(self, topic: str) -> str:
        """Return the command that lets us see a topic's settings."""
        return self.allow("DescribeConfigs", topic)

    def grow(self, topic: str, partitions: int) -> str:
        """Return the command that adds partitions."""
        return (
            f"kafka-topics.sh {self._where} --alter --topic {topic} "
            f"--partitions {partitions}{self._more}"
        )

    def allow(self, operation: str, topic: str) -> str:
        """Return the command that lets workers do something with a topic."""
        return (
            f"kafka-acls.sh {self._where} --add --allow-principal 'User:{self._user}' "
            f"--operation {operation} --topic {topic}{self._more}"
        )

    def join(self, group: str) -> str:
        """Return the command that lets workers be members of a group."""
        return (
            f"kafka-acls.sh {self._where} --add --allow-principal 'User:{self._user}' "
            f"--operation Read --group {group}{self._more}"
        )
