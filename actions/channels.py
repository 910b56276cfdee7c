"""Where notifications go, as the deployer configured it (requirements.md S52)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import SecretStr

from config.connections import MailServer, parse_mail_server
from config.settings import Settings


@dataclass(frozen=True, slots=True)
class Channels:
    """The mail server and sender, the hooks of chats by channel, and the folder of templates."""

    mail: MailServer | None = None
    sender: str = ""
    hooks: Mapping[str, SecretStr] = field(default_factory=dict)
    templates: Path = Path("templates")

    def secrets(self) -> dict[str, SecretStr]:
        """Return what must not be told in a result."""
        password = self.mail.password if self.mail is not None else ""
        return {"mail password": SecretStr(password), **self.hooks}


def channels_of(settings: Settings) -> Channels:
    """Return the channels that the settings name."""
    url = settings.smtp_url
    hooks = {"slack": settings.notify_slack_url, "teams": settings.notify_teams_url}
    return Channels(
        parse_mail_server(url.get_secret_value()) if url is not None else None,
        settings.smtp_from or "",
        {channel: hook for channel, hook in hooks.items() if hook is not None},
        settings.templates,
    )
