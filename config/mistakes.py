"""What pydantic found wrong, in the words of the validator that found it."""

from collections.abc import Mapping
from typing import Any


def text_of(mistake: Mapping[str, Any]) -> str:
    """Return the message of one of `ValidationError.errors()`, without what pydantic puts first."""
    return str(mistake["msg"]).removeprefix("Value error, ")
