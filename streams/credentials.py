"""How Faust's consumer shows who it is to a secured cluster: the same settings as librdkafka's."""

import ssl

from faust.auth import SASLCredentials, SSLCredentials
from faust.types.auth import CredentialsT, SASLMechanism

from config.errors import ConfigError
from config.names import MECHANISMS, PROTOCOLS
from config.settings import Settings


def broker_credentials(settings: Settings) -> CredentialsT | None:
    """Return the credentials of workers, None for a cluster without; raises ConfigError."""
    protocol = settings.kafka_security_protocol.upper()
    if protocol not in PROTOCOLS:
        raise ConfigError(f"KAFKA_SECURITY_PROTOCOL: choose {', '.join(PROTOCOLS)}")
    if protocol == "PLAINTEXT":
        return None
    context = ssl.create_default_context(cafile=settings.kafka_ssl_ca_location)
    if protocol == "SSL":
        return SSLCredentials(context)
    mechanism = (settings.kafka_sasl_mechanism or "").upper()
    if mechanism not in MECHANISMS:
        raise ConfigError(f"KAFKA_SASL_MECHANISM: choose {', '.join(MECHANISMS)}")
    password = settings.kafka_sasl_password
    return SASLCredentials(
        username=settings.kafka_sasl_username,
        password=None if password is None else password.get_secret_value(),
        mechanism=SASLMechanism(mechanism),
        ssl_context=context if protocol == "SASL_SSL" else None,
    )
