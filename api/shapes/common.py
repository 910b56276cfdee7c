"""What all shapes of answers share: they are shown in the document, and tested against answers.

Answers are not read through these models again: an odd row must be shown, not become a 500.
"""

from typing import Any

from pydantic import AwareDatetime, BaseModel

from streams.published import Json

AT = "2026-11-22T20:00:00+00:00"
Instant = AwareDatetime | None
JSON = ("application/json",)
JSON = ("application/json",)


def shown(
    model: type[BaseModel], status: int = 200, text: str = "Found"
) -> dict[int | str, dict[str, Any]]:
    """Return how an operation's document shows the answer of one status."""
    return {status: {"model": model, "description": text}}


class Page(BaseModel):
    """Some rows of a list; `next_cursor` asks for those behind them."""

    next_cursor: str | None


def json_body(
    schema: Json, *examples: object, kinds: tuple[str, ...] = JSON, required: bool = True
) -> Json:
    """Return how the document shows a body that its operation reads by itself."""
    content: Json = {kind: {"schema": schema} for kind in kinds}
    if examples:
        named = {f"example{number}": {"value": one} for number, one in enumerate(examples, 1)}
        content[kinds[0]] = {**content[kinds[0]], "examples": named}
    return {"requestBody": {"required": required, "content": content}}
