"""What can be wrong with a deployment's settings."""


class ConfigError(Exception):
    """A setting is missing, malformed, or names what is not built."""


class SettingMissing(ConfigError):
    """A variable that this process needs is not set."""

    def __init__(self, name: str, hint: str) -> None:
        self.name = name
        super().__init__(f"{name} is not set: {hint}")


class ModeRefused(ConfigError):
    """A mode that is named in the interfaces but not available."""
