"""Slack and Teams as their incoming webhooks see them (requirements.md S52)."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from actions.channels import Channels
from actions.guard import Guard
from actions.registry import Actions
from actions.results import Failed, Succeeded
from tests.unit.actions.target import Target, asking, loaded, serving

HOOK = "/services/T0/B0/canary-hook"


@pytest.fixture
async def target() -> AsyncIterator[Target]:
    async with serving(Target(body=b"ok", headers={"Content-Type": "text/plain"})) as running:
        yield running


@asynccontextmanager
async def chatting(target: Target, folder: Path = Path("nowhere")) -> AsyncIterator[Actions]:
    """Load all actions behind a guard that opens nothing, with both hooks on the target."""
    hook = SecretStr(target.url + HOOK)
    channels = Channels(hooks={"slack": hook, "teams": hook}, templates=folder)
    async with loaded(Guard(), channels=channels) as actions:
        yield actions


def card_of(body: Any) -> list[dict[str, object]]:
    """Return the blocks of the adaptive card that Teams was sent."""
    (attachment,) = body["attachments"]
    assert body["type"] == "message"
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert attachment["content"]["type"] == "AdaptiveCard"
    blocks: list[dict[str, object]] = attachment["content"]["body"]
    assert all(block["type"] == "TextBlock" and block["wrap"] for block in blocks)
    return blocks


# S52
async def test_slack_is_told_the_message_and_whom_it_is_for(target: Target) -> None:
    async with chatting(target) as actions:
        params: dict[str, Any] = {
            "channel": "slack",
            "to": "#payments",
            "message": "Refund r-1 not settled",
        }
        result = await actions.perform(asking("notify", **params))
    (asked,) = target.asked
    assert (asked.method, asked.path) == ("POST", HOOK)
    assert asked.headers["Content-Type"] == "application/json"
    assert json.loads(asked.body) == {"text": "*#payments*\nRefund r-1 not settled"}
    assert result == Succeeded({"channel": "slack", "status": 200})


# S52
async def test_teams_is_sent_an_adaptive_card_with_a_block_per_line(target: Target) -> None:
    async with chatting(target) as actions:
        params: dict[str, Any] = {
            "channel": "teams",
            "to": ["risk", "sales"],
            "message": "One\n\nTwo",
        }
        await actions.perform(asking("notify", **params))
    blocks = card_of(json.loads(target.asked[0].body))
    assert [block["text"] for block in blocks] == ["risk sales", "One", "Two"]


# S52
async def test_data_has_no_markup_but_a_template_has(target: Target, tmp_path: Path) -> None:
    (tmp_path / "late.slack.txt").write_text("<https://shop.example|Shop>: ${name} is *late*")
    (tmp_path / "late.teams.txt").write_text("[Shop](https://shop.example): ${name} is **late**")
    data = {"name": "<!channel> & [me](https://evil.example)"}
    async with chatting(target, tmp_path) as actions:
        for channel in ("slack", "teams"):
            params: dict[str, Any] = {"channel": channel, "template": "late", "data": data}
            await actions.perform(asking("notify", **params))
    slack, teams = (json.loads(asked.body) for asked in target.asked)
    assert slack["text"] == (
        "<https://shop.example|Shop>: &lt;!channel&gt; &amp; [me](https://evil.example) is *late*"
    )
    assert card_of(teams)[0]["text"] == (
        r"[Shop](https://shop.example): \<!channel\> & \[me\](https://evil.example) is **late**"
    )


# S52
@pytest.mark.parametrize("channel", ["slack", "teams"])
async def test_a_message_and_its_addressee_cannot_mention_or_link(
    channel: str, target: Target
) -> None:
    async with chatting(target) as actions:
        params: dict[str, Any] = {
            "channel": channel,
            "to": "<!here>\n*all*",
            "message": "<!channel> [a](b)",
        }
        await actions.perform(asking("notify", **params))
    body = target.asked[0].body.decode()
    assert "<!" not in body.replace("\\\\<!", "")
    assert "here" in body


async def test_a_message_of_any_length_is_cut_to_what_chats_take(target: Target) -> None:
    async with chatting(target) as actions:
        for channel in ("slack", "teams"):
            params: dict[str, Any] = {"channel": channel, "message": "x" * 100_000}
            assert isinstance(await actions.perform(asking("notify", **params)), Succeeded)
    assert all(12_000 < len(asked.body) < 28_000 for asked in target.asked)
    assert all("…" in asked.body.decode() for asked in target.asked)


# S52 S57
@pytest.mark.parametrize(
    ("status", "retryable"), [(400, False), (403, False), (404, False), (429, True), (503, True)]
)
async def test_a_hook_that_refuses_is_a_failure_as_for_webhooks(
    status: int, retryable: bool, target: Target
) -> None:
    target.status, target.headers["Retry-After"] = status, "7"
    async with chatting(target) as actions:
        result = await actions.perform(asking("notify", channel="slack", message="x"))
    assert isinstance(result, Failed)
    assert (result.code, result.retryable) == (f"http_{status}", retryable)
    assert result.retry_after == (timedelta(seconds=7) if retryable else None)
    assert "canary-hook" not in result.message


# S52 S58
async def test_only_notifications_reach_the_host_of_a_hook(target: Target) -> None:
    async with chatting(target) as actions:
        notified = await actions.perform(asking("notify", channel="teams", message="x"))
        called = await actions.perform(asking("webhook", url=f"{target.url}/admin"))
    assert isinstance(notified, Succeeded)
    assert isinstance(called, Failed)
    assert called.code == "target_refused"
    assert [asked.path for asked in target.asked] == [HOOK]


async def test_a_redirect_of_a_hook_is_not_followed(target: Target) -> None:
    target.status, target.headers["Location"] = 302, f"{target.url}/elsewhere"
    async with chatting(target) as actions:
        result = await actions.perform(asking("notify", channel="slack", message="x"))
    assert isinstance(result, Failed)
    assert len(target.asked) == 1


async def test_a_hook_that_is_not_there_may_be_tried_again_and_its_url_is_told_to_nobody(
    unused_tcp_port: int,
) -> None:
    async with chatting(Target(url=f"http://127.0.0.1:{unused_tcp_port}")) as actions:
        result = await actions.perform(asking("notify", channel="slack", message="x"))
    assert isinstance(result, Failed)
    assert (result.code, result.retryable) == ("connection_failed", True)
    assert "canary-hook" not in result.message
