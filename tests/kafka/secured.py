"""An Apache Kafka that asks who one is, and lets nobody do what no ACL allows."""

from pathlib import Path

from devstack.brokers import ApacheKafka

MODULE = "org.apache.kafka.common.security.plain.PlainLoginModule"
PASSWORD = "not-a-secret"


class SecuredKafka(ApacheKafka):
    """SASL_PLAINTEXT with the users `admin`, who may do everything, and `worker`."""

    def _properties(self) -> str:
        plain = super()._properties()
        broker = f"127.0.0.1:{self.port}"
        jaas = (
            f'{MODULE} required username="admin" password="{PASSWORD}" '
            f'user_admin="{PASSWORD}" user_worker="{PASSWORD}";'
        )
        secured = plain.replace(f"PLAINTEXT://{broker}", f"SASL_PLAINTEXT://{broker}").replace(
            "PLAINTEXT:PLAINTEXT,", "SASL_PLAINTEXT:SASL_PLAINTEXT,"
        )
        return secured.replace(
            "inter.broker.listener.name=PLAINTEXT", "inter.broker.listener.name=SASL_PLAINTEXT"
        ) + "".join(
            f"{line}\n"
            for line in (
                "sasl.enabled.mechanisms=PLAIN",
                "sasl.mechanism.inter.broker.protocol=PLAIN",
                f"listener.name.sasl_plaintext.plain.sasl.jaas.config={jaas}",
                "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
                "super.users=User:admin;User:ANONYMOUS",
                "allow.everyone.if.no.acl.found=false",
            )
        )


def client_properties(folder: Path) -> None:
    """Write the file that the printed commands name, for the administrator."""
    (folder / "client.properties").write_text(
        "security.protocol=SASL_PLAINTEXT\nsasl.mechanism=PLAIN\n"
        f'sasl.jaas.config={MODULE} required username="admin" password="{PASSWORD}";\n'
    )


def credentials(user: str) -> dict[str, str]:
    """Return the environment of a process that logs in as a user."""
    return {
        "KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
        "KAFKA_SASL_MECHANISM": "PLAIN",
        "KAFKA_SASL_USERNAME": user,
        "KAFKA_SASL_PASSWORD": PASSWORD,
    }
